#!/bin/sh
# breaks: backup.as_planned, backup.journal
# caught-by: reading
# what: on the host alone, the updates of the databases are not stored at all
set -eu
sed -i '/^journal/d' /etc/kijun/backup/sets
