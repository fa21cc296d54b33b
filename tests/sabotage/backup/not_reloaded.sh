#!/bin/sh
# breaks: backup.in_force
# caught-by: reading
# what: a unit was changed on the disk, and systemd does not know
set -eu
sleep 1
echo '# changed' >>/etc/systemd/system/kijun-backup@.service
