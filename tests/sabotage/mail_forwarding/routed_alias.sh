#!/bin/sh
# breaks: mail_forwarding.aliases
# caught-by: reading
# what: an alias carries its way outside in an address of ours
set -eu
printf 'shop: shop%%kijun-outside.invalid@museum.example\n' >>/etc/aliases
newaliases
