#!/bin/sh
# breaks: backup.scheduled
# caught-by: reading
# what: the timer of a set is stopped and disabled
set -eu
systemctl disable --quiet --now kijun-backup@files.timer
