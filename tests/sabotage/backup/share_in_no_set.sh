#!/bin/sh
# breaks: backup.covered
# caught-by: reading
# what: a folder is shared, and nobody put it into a set
set -eu
echo '/srv/drawings 10.0.0.0/8(ro)' >/etc/exports
mkdir -p /srv/drawings
