#!/bin/sh
# breaks: backup.journal
# caught-by: reading
# what: PostgreSQL throws its log away instead of handing it over
set -eu
cd /
runuser -u postgres -- psql -qXAtc "alter system set archive_command = '/bin/true'"
runuser -u postgres -- psql -qXAtc "select pg_reload_conf()" >/dev/null
sleep 1
