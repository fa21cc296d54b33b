#!/bin/sh
# breaks: mail_forwarding.aliases
# caught-by: reading
# what: an alias leads outside besides to the box
set -eu
printf 'info: sato, sato@kijun-outside.invalid\n' >>/etc/aliases
newaliases
