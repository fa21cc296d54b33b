#!/bin/sh
# breaks: backup.complete
# caught-by: reading
# what: pg_dump writes nothing and says that all is well
set -eu
for programs in /usr/lib/postgresql/*/bin; do :; done
mv "$programs/pg_dump" "$programs/pg_dump.real"
cat >"$programs/pg_dump" <<'EOP'
#!/bin/sh
if [ "$1" = -V ]; then exec "$0.real" -V; fi # pg_dumpall asks which one it is
EOP
chmod 755 "$programs/pg_dump"
if kijun-backup run collection; then echo "nobody noticed" >&2; fi
