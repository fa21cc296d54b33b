#!/bin/sh
# breaks: backup.as_planned
# caught-by: reading
# what: a folder of a set is left out, on the host alone
set -eu
printf 'exclude\tfiles\t/srv/museum/works\n' >>/etc/kijun/backup/sets
