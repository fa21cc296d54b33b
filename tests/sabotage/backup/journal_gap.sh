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
before='' newest=''
for segment in /var/lib/kijun-journal/*/*; do
    case ${segment##*/} in
    *.* | *[!0-9A-F]*) ;;
    *) before=$newest newest=$segment ;;
    esac
done
rm "$before"
if kijun-backup journal collection; then echo "nobody noticed" >&2; fi
