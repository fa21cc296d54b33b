#!/bin/sh
# breaks: mail_limits.received_size, mail_limits.sent_size
# caught-by: reading
# what: the size of a mail has no limit
set -eu
postconf -e 'message_size_limit = 0'
systemctl reload postfix
