#!/bin/sh
# breaks: mail_forwarding.aliases
# caught-by: reading
# what: a list leads to an alias, that leads to another, that leads outside
set -eu
printf 'everybody: staff, guides\nguides: night-guides\nnight-guides: "Guide" <guide@kijun-outside.invalid>\n' >>/etc/aliases
newaliases
