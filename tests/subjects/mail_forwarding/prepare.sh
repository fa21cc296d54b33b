#!/bin/sh
# Makes a bare Debian host a mail server with mailboxes and Sieve: Postfix hands mail for museum.example to Dovecot.
set -eu
export DEBIAN_FRONTEND=noninteractive
debconf-set-selections <<'EOF'
postfix postfix/main_mailer_type select Internet Site
postfix postfix/mailname string museum.example
postfix postfix/protocols select all
EOF
if [ ! -x /usr/sbin/dovecot ]; then
    apt-get update -q
    apt-get install -qy --no-install-recommends postfix dovecot-imapd dovecot-lmtpd dovecot-sieve dovecot-managesieved
fi
# An installation made elsewhere may have left these empty or bound to that machine.
# shellcheck disable=SC2016 # Postfix expands $myhostname, not the shell
postconf -e 'inet_protocols = all' 'inet_interfaces = all' \
    'mydestination = $myhostname, museum.example, localhost.localdomain, localhost' \
    'mailbox_transport = lmtp:unix:private/dovecot-lmtp'
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
        # shellcheck disable=SC2016 # Dovecot expands it
        printf 'protocol lmtp {\n  mail_plugins = $mail_plugins sieve\n}\n'
    else
        echo 'mail_driver = maildir'
        echo 'mail_path = ~/Maildir'
        echo 'mail_inbox_path ='
        echo 'auth_username_format = %{user | username | lower}'
        printf 'protocol lmtp {\n  mail_plugins {\n    sieve = yes\n  }\n}\n'
    fi
} >/etc/dovecot/conf.d/90-museum.conf
getent passwd sato >/dev/null || useradd --create-home --shell /bin/bash sato
echo sato >/etc/postfix/staff
if ! grep -q '^staff:' /etc/aliases; then
    printf 'root: sato\nstaff: :include:/etc/postfix/staff\ncurator: sato, curator@kijun-approved.invalid\n' >>/etc/aliases
fi
newaliases
systemctl restart dovecot postfix
