# shellcheck shell=sh
# What the mail hosts have in common: functions, read before every prepare.sh.

# Installs packages, unless they are there.
packages() {
    if ! dpkg-query --status "$@" >/dev/null 2>&1; then
        apt-get update -q
        DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"
    fi
}

# Postfix as Debian installs it, the MX of museum.example; further packages, if any, beside it.
postfix_of_the_museum() {
    debconf-set-selections <<'EOF'
postfix postfix/main_mailer_type select Internet Site
postfix postfix/mailname string museum.example
postfix postfix/protocols select all
EOF
    packages postfix "$@"
    # An installation made elsewhere may have left these empty or bound to that machine.
    # shellcheck disable=SC2016 # Postfix expands $myhostname, not the shell
    postconf -e 'inet_protocols = all' 'inet_interfaces = all' \
        'mydestination = $myhostname, museum.example, localhost.localdomain, localhost'
}

# Dovecot puts into Maildirs what Postfix hands it.
dovecot_boxes() {
    postconf -e 'mailbox_transport = lmtp:unix:private/dovecot-lmtp'
    {
        echo 'service lmtp {'
        echo '  unix_listener /var/spool/postfix/private/dovecot-lmtp {'
        echo '    mode = 0600'
        echo '    user = postfix'
        echo '    group = postfix'
        echo '  }'
        echo '}'
        if dovecot --version | grep -q '^2\.3'; then
            echo 'mail_location = maildir:~/Maildir'
            echo 'auth_username_format = %Ln'
        else
            echo 'mail_driver = maildir'
            echo 'mail_path = ~/Maildir'
            echo 'mail_inbox_path ='
            echo 'auth_username_format = %{user | username | lower}'
        fi
    } >/etc/dovecot/conf.d/90-museum.conf
}

# Exim as Debian installs it, the MX of museum.example.
exim_of_the_museum() {
    debconf-set-selections <<'EOF'
exim4-config exim4/dc_eximconfig_configtype select internet site; mail is sent and received directly using SMTP
exim4-config exim4/dc_other_hostnames string museum.example
exim4-config exim4/dc_local_interfaces string
exim4-config exim4/mailname string museum.example
EOF
    packages exim4-daemon-light
    # Small enough for mail_limits, which leaves Exim's limit to the administrator.
    echo 'MESSAGE_SIZE_LIMIT = 10M' >/etc/exim4/exim4.conf.localmacros
    systemctl reload exim4
}

# One user and three aliases: one for root, one that reads a list, and one with an approved forwarding.
sato_and_aliases() {
    getent passwd sato >/dev/null || useradd --create-home --shell /bin/bash sato
    echo sato >"$1"
    if ! grep -q '^staff:' /etc/aliases; then
        printf 'root: sato\nstaff: :include:%s\ncurator: sato, curator@kijun-approved.invalid\n' "$1" >>/etc/aliases
    fi
}
