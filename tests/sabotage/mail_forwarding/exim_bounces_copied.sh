#!/bin/sh
# breaks: mail_forwarding.copies
# caught-by: reading
# subject: exim
# what: copies of what cannot be delivered go outside (errors_copy)
set -eu
echo 'errors_copy = *@* copy@kijun-outside.invalid' >>/etc/exim4/exim4.conf.localmacros
systemctl reload exim4
exim4 -bP errors_copy | grep -q kijun-outside
