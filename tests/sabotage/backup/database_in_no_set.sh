#!/bin/sh
# breaks: backup.covered
# caught-by: reading
# what: a database was installed, and nobody put it into a set
set -eu
mkdir -p /var/lib/postgresql/15/main/base
