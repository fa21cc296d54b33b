#!/bin/sh
# breaks: mail_forwarding.routes
# caught-by: reading
# subject: exim
# what: mail for whoever does not exist goes outside
set -eu
# shellcheck disable=SC2016 # Exim expands it, not the shell
sed -i 's/^begin transports$/nobody:\n  driver = redirect\n  domains = +local_domains\n  data = $local_part@kijun-outside.invalid\n\n&/' \
    /etc/exim4/exim4.conf.template
systemctl reload exim4
exim4 -bt nobody-at-all@museum.example | grep -q kijun-outside
