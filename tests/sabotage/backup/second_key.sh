#!/bin/sh
# breaks: backup.repository_guarded
# caught-by: reading
# what: a second key of the account is bound to nothing
set -eu
ssh-keygen -q -t ed25519 -N '' -f /root/second
cat /root/second.pub >>/var/lib/kijun-backup/.ssh/authorized_keys
