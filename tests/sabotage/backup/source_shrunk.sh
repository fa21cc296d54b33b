#!/bin/sh
# breaks: backup.complete
# caught-by: reading
# what: most files of a set are gone, and what is left was backed up without an error
set -eu
rm -r /srv/museum/works/[2-8]* /var/lib/museum-disk/scan-[23]
if kijun-backup run files; then echo "nobody noticed" >&2; fi
