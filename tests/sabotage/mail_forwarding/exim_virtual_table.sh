#!/bin/sh
# breaks: mail_forwarding.address_maps
# caught-by: reading
# subject: exim
# what: a table of whole addresses, a router of its own, leads outside
set -eu
printf 'sato@museum.example: sato@kijun-outside.invalid\n' >/etc/exim4/virtual
# shellcheck disable=SC2016 # Exim expands it, not the shell
sed -i 's/^begin routers$/&\n\nvirtual:\n  driver = redirect\n  data = ${lookup{$local_part@$domain}lsearch{\/etc\/exim4\/virtual}}\n/' \
    /etc/exim4/exim4.conf.template
systemctl reload exim4
exim4 -bt sato@museum.example | grep -q kijun-outside
