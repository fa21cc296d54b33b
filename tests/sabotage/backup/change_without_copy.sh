#!/bin/sh
# breaks: backup.program_copy
# caught-by: reading
# what: dpkg asks for no copy after a change of packages
set -eu
rm /etc/dpkg/dpkg.cfg.d/kijun-backup
