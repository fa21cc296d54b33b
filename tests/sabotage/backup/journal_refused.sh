#!/bin/sh
# breaks: backup.journal
# caught-by: reading
# what: PostgreSQL may not write where it hands its log over
set -eu
chown root:root /var/lib/kijun-journal/*
cd /
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    runuser -u postgres -- psql -qXAtc "select pg_create_restore_point('kijun'), pg_switch_wal()" >/dev/null
    sleep 2
    failed=$(runuser -u postgres -- psql -qXAtc "select failed_count from pg_stat_archiver")
    if [ "$failed" -gt 0 ]; then exit 0; fi
done
echo "PostgreSQL did not fail" >&2
exit 1
