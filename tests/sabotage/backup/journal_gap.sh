#!/bin/sh
# breaks: backup.journal
# caught-by: reading
# what: a segment of the log was deleted before it was stored
set -eu
cd /
for _ in 1 2 3; do
    runuser -u postgres -- psql -qXAtc "select pg_create_restore_point('kijun'), pg_switch_wal()" >/dev/null
    sleep 2
done
newest=$(ls /var/lib/kijun-journal/* | grep -E '^[0-9A-F]{24}$' | tail -n 2 | head -n 1)
rm /var/lib/kijun-journal/*/"$newest"
if kijun-backup journal collection; then echo "nobody noticed" >&2; fi
