#!/bin/sh
# breaks: backup.key_escrowed
# caught-by: reading
# what: the host's key of the repository is another than the inventory's
set -eu
echo another-key-that-nobody-knows >/etc/kijun/backup/password
