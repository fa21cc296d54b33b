#!/bin/sh
# breaks: backup.scheduled
# caught-by: reading
# what: a drop-in lets a set be backed up once in a month only
set -eu
mkdir -p /etc/systemd/system/kijun-backup@files.timer.d
printf '[Timer]\nOnUnitActiveSec=\nOnBootSec=1min\nOnUnitActiveSec=30d\n' >/etc/systemd/system/kijun-backup@files.timer.d/slow.conf
systemctl daemon-reload
systemctl restart kijun-backup@files.timer
