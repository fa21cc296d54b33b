#!/bin/sh
# breaks: mail_forwarding.user_files
# caught-by: reading
# what: a .forward for one extension leads outside, on one delivery service only
set -eu
# shellcheck disable=SC2016 # Postfix expands it
postconf -P 'local/unix/forward_path = $home/.forward${recipient_delimiter}${extension},$home/.forward'
echo 'sato@kijun-outside.invalid' >/home/sato/.forward+private
chown sato: /home/sato/.forward+private
systemctl reload postfix
