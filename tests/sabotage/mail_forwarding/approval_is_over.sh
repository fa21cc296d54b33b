#!/bin/sh
# breaks: mail_forwarding.aliases
# caught-by: reading
# what: a forwarding goes on although its approval is over
set -eu
printf 'registrar: sato, registrar@kijun-approved.invalid\n' >>/etc/aliases
newaliases
