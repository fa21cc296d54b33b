#!/bin/sh
# breaks: mail_forwarding.address_maps
# caught-by: reading
# what: the recipient is rewritten to an address outside
set -eu
echo 'sato@museum.example sato@kijun-outside.invalid' >/etc/postfix/canonical
postmap hash:/etc/postfix/canonical
postconf -e 'recipient_canonical_maps = hash:/etc/postfix/canonical'
systemctl reload postfix
