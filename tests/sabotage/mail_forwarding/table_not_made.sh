#!/bin/sh
# breaks: mail_forwarding.in_force
# caught-by: reading
# what: a forwarding is taken out of the text, but its table is not made anew
set -eu
sleep 2
sed -i '/^curator:/d' /etc/aliases
