#!/bin/sh
# breaks: backup.fresh
# caught-by: reading
# what: the repository is emptied, and asked the next time
set -eu
rm -r /srv/kijun-backup/museum
install -d -o kijun-backup -m 700 /srv/kijun-backup/museum
if kijun-backup verify; then echo "nobody noticed" >&2; fi
