#!/bin/sh
# breaks: mail_forwarding.aliases
# caught-by: reading
# what: one delivery service has a further alias table
set -eu
echo 'sato: \sato, sato@kijun-outside.invalid' >/etc/postfix/more-aliases
postalias hash:/etc/postfix/more-aliases
postconf -P 'local/unix/alias_maps = hash:/etc/aliases,hash:/etc/postfix/more-aliases'
systemctl reload postfix
