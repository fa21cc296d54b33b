#!/bin/sh
# PostgreSQL's archive_command: keeps a finished segment of the write-ahead log until it is in the repository and a newer
# base backup makes it needless. `archive.sh PATH NAME CLUSTER`; a failure makes PostgreSQL keep it, and try again.
set -eu
place=/var/lib/kijun-journal/$3
if [ -e "$place/$2" ]; then
    if cmp -s "$1" "$place/$2"; then exit 0; fi
    echo "$place/$2 is there already, with another content" >&2
    exit 1
fi
cp "$1" "$place/.$2.part"
sync "$place/.$2.part"
mv "$place/.$2.part" "$place/$2"
sync "$place"
