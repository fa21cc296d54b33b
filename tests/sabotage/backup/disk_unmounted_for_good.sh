#!/bin/sh
# breaks: backup.complete
# caught-by: reading
# what: the disk of a set is not mounted, and fstab does not name it any more
set -eu
umount /srv/disk
sed -i '/museum-disk/d' /etc/fstab
echo 'a file in its place' >/srv/disk/file
