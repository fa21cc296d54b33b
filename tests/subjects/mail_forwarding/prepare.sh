#!/bin/sh
# Makes a bare Debian host a mail server with mailboxes and Sieve: Postfix hands mail for museum.example to Dovecot.
set -eu
postfix_of_the_museum dovecot-imapd dovecot-lmtpd dovecot-sieve dovecot-managesieved
dovecot_boxes
if dovecot --version | grep -q '^2\.3'; then
    # shellcheck disable=SC2016 # Dovecot expands it
    printf 'protocol lmtp {\n  mail_plugins = $mail_plugins sieve\n}\n'
else
    printf 'protocol lmtp {\n  mail_plugins {\n    sieve = yes\n  }\n}\n'
fi >>/etc/dovecot/conf.d/90-museum.conf
sato_and_aliases /etc/postfix/staff
newaliases
systemctl restart dovecot postfix
