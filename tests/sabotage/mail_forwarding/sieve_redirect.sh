#!/bin/sh
# breaks: mail_forwarding.sieve, mail_forwarding.own_rules
# caught-by: reading
# what: a later file lets scripts redirect, and a user's does
set -eu
if dovecot --version | grep -q '^2\.3'; then
    printf 'plugin {\n  sieve_max_redirects = 4\n}\n' >/etc/dovecot/conf.d/zzz-relaxed.conf
else
    printf 'sieve_max_redirects = 4\n' >/etc/dovecot/conf.d/zzz-relaxed.conf
fi
printf 'require "copy";\n# redirect\nif true {\n  redirect :copy\n    "sato@kijun-outside.invalid";\n}\n' >/home/sato/.dovecot.sieve
chown sato: /home/sato/.dovecot.sieve
systemctl restart dovecot
