#!/bin/sh
# breaks: backup.complete
# caught-by: reading
# what: MariaDB does not run when its databases are to be dumped
set -eu
systemctl disable --quiet --now mariadb
if kijun-backup run collection; then echo "nobody noticed" >&2; fi
