#!/bin/sh
# breaks: backup.key_protected
# caught-by: reading
# what: everybody may read the key of the repository
set -eu
chmod 755 /etc/kijun/backup
chmod 644 /etc/kijun/backup/password
