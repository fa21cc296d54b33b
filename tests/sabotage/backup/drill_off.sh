#!/bin/sh
# breaks: backup.in_force
# caught-by: reading
# what: nobody restores for trial any more
set -eu
systemctl disable --quiet --now kijun-backup-drill.timer
