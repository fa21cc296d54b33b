#!/bin/sh
# breaks: backup.journal
# caught-by: reading
# what: archive_mode is off, and PostgreSQL was restarted
set -eu
cd /
runuser -u postgres -- psql -qXAtc "alter system set archive_mode = off"
systemctl restart 'postgresql@*.service'
test "$(runuser -u postgres -- psql -qXAtc 'show archive_mode')" = off
