#!/bin/sh
# breaks: mail_forwarding.routes
# caught-by: reading
# what: mail for people who do not exist goes outside
set -eu
# shellcheck disable=SC2016 # Postfix expands it
postconf -e 'local_recipient_maps =' 'luser_relay = $local@kijun-outside.invalid'
systemctl reload postfix
