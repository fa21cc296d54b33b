#!/bin/sh
# breaks: mail_forwarding.aliases
# caught-by: reading
# what: a list that an included list includes names an address outside
set -eu
echo ':include:/etc/postfix/friends' >>/etc/postfix/staff
echo 'friend@kijun-outside.invalid' >/etc/postfix/friends
