#!/bin/sh
# breaks: backup.covered
# caught-by: reading
# what: somebody set up a database server by hand, with its data where nobody dumps it
set -eu
mkdir -p /srv/archive
chown postgres: /srv/archive
chmod 700 /srv/archive
cd /srv/archive
for programs in /usr/lib/postgresql/*/bin; do :; done
runuser -u postgres -- "$programs/initdb" -D /srv/archive >/dev/null
runuser -u postgres -- "$programs/pg_ctl" -w -s -D /srv/archive -l /srv/archive/log \
    -o "-c listen_addresses= -c unix_socket_directories=/srv/archive" start
