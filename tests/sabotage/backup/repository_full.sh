#!/bin/sh
# breaks: backup.complete
# caught-by: reading
# what: the disk of the repository host is full
set -eu
used=$(du -sk /srv/kijun-backup/museum | cut -f 1)
cp -a /srv/kijun-backup/museum /tmp/museum
mount -t tmpfs -o "size=$((used + 600))k" tmpfs /srv/kijun-backup
cp -a /tmp/museum /srv/kijun-backup/
head -c 1M /dev/zero >/srv/kijun-backup/filler 2>/dev/null || true
head -c 2M /dev/urandom >/srv/museum/new
if kijun-backup run files; then echo "it was not full" >&2; exit 1; fi
