#!/bin/sh
# breaks: mail_forwarding.sieve, mail_forwarding.own_rules
# caught-by: reading
# what: scripts may send notices again, and a user's does
set -eu
if dovecot --version | grep -q '^2\.3'; then
    printf 'plugin {\n  sieve_extensions = +enotify\n}\n' >/etc/dovecot/conf.d/zzz-relaxed.conf
else
    printf 'sieve_extensions {\n  enotify = yes\n}\n' >/etc/dovecot/conf.d/zzz-relaxed.conf
fi
printf 'require "enotify";\nnotify :message "news" "mailto:sato@kijun-outside.invalid";\n' >/home/sato/.dovecot.sieve
chown sato: /home/sato/.dovecot.sieve
systemctl restart dovecot
