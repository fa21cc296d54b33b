#!/bin/sh
# breaks: backup.restorable
# caught-by: reading
# what: what is stored is damaged, and the drill finds out
set -eu
find /srv/kijun-backup/museum/data -type f | while read -r pack; do
    chmod u+w "$pack"
    dd if=/dev/urandom of="$pack" bs=1 seek=100 count=64 conv=notrunc status=none
done
rm -r /var/cache/kijun-backup/*
if kijun-backup drill files; then echo "nobody noticed" >&2; fi
