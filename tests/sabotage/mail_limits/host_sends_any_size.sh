#!/bin/sh
# breaks: mail_limits.sent_size
# caught-by: reading
# what: programs on the host may hand in mail of any size
set -eu
postconf -P 'cleanup/unix/message_size_limit = 2000000000'
systemctl reload postfix
