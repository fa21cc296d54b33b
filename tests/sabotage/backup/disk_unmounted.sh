#!/bin/sh
# breaks: backup.complete
# caught-by: reading
# what: the disk of a set is not mounted
set -eu
umount /srv/disk
