#!/bin/sh
# breaks: mail_forwarding.routes
# caught-by: reading
# what: a transport hands the domain's mail to a server outside
set -eu
echo 'museum.example smtp:[mail.kijun-outside.invalid]' >/etc/postfix/transport
postmap hash:/etc/postfix/transport
postconf -e 'transport_maps = hash:/etc/postfix/transport'
systemctl reload postfix
