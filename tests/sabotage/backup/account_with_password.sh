#!/bin/sh
# breaks: backup.repository_guarded
# caught-by: reading
# what: the account that keeps backups has a password
set -eu
echo 'kijun-backup:Tsutenkaku-1912-Naniwa' | chpasswd
