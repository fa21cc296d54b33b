#!/bin/sh
# breaks: mail_forwarding.aliases
# caught-by: reading
# subject: exim
# what: a list that an alias includes has one name too many
set -eu
echo 'guest@kijun-outside.invalid' >>/etc/exim4/staff
exim4 -bt staff@museum.example | grep -q kijun-outside
