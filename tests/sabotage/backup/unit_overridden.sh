#!/bin/sh
# breaks: backup.scheduled
# caught-by: reading
# what: a drop-in lets the unit of every set do nothing, and end well
set -eu
mkdir -p /etc/systemd/system/kijun-backup@.service.d
printf '[Service]\nExecStart=\nExecStart=/bin/true\n' >/etc/systemd/system/kijun-backup@.service.d/quiet.conf
systemctl daemon-reload
