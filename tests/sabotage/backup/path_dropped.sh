#!/bin/sh
# breaks: backup.as_planned
# caught-by: reading
# what: a path of a set is taken out, on the host alone
set -eu
sed -i '/\/srv\/disk/d' /etc/kijun/backup/sets
