#!/bin/sh
# breaks: mail_forwarding.in_force
# caught-by: reading
# subject: exim
# what: the running Exim copies all mail, and only the file was mended
set -eu
cp -p /etc/exim4/exim4.conf.template /root/mended
# shellcheck disable=SC2016 # Exim expands it, not the shell
sed -i 's/^begin routers$/&\n\ncopy:\n  driver = redirect\n  domains = +local_domains\n  data = ${local_part}@kijun-outside.invalid\n  unseen\n/' \
    /etc/exim4/exim4.conf.template
systemctl reload exim4
sleep 5
cp /root/mended /etc/exim4/exim4.conf.template
update-exim4.conf
