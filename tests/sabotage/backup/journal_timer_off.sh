#!/bin/sh
# breaks: backup.journal
# caught-by: reading
# what: nobody stores the updates of the databases any more
set -eu
systemctl disable --quiet --now kijun-backup-journal@collection.timer
