#!/bin/sh
# breaks: mail_limits.received_size
# caught-by: reading
# what: one more port takes mail of any size
set -eu
postconf -M '2525/inet = 2525 inet n - y - - smtpd'
postconf -P '2525/inet/message_size_limit = 0'
systemctl reload postfix
