#!/bin/sh
# breaks: mail_limits.in_force
# caught-by: reading
# what: Dovecot's configuration changed, and Dovecot did not read it
set -eu
sleep 3
echo '# changed' >>/etc/dovecot/conf.d/zz-kijun-mail-limits.conf
