#!/bin/sh
# breaks: backup.fresh
# caught-by: proof
# what: the repository is emptied, and nobody has asked it since
set -eu
rm -r /srv/kijun-backup/museum
install -d -o kijun-backup -m 700 /srv/kijun-backup/museum
