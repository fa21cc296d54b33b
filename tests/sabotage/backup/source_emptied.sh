#!/bin/sh
# breaks: backup.complete
# caught-by: reading
# what: a folder of a set is empty
set -eu
rm -r /srv/museum/works /srv/museum/newest
