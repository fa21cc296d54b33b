#!/bin/sh
# breaks: backup.off_host
# caught-by: reading
# what: backups are kept on the host itself
set -eu
sed -i 's/HostName .*/HostName 127.0.0.1/' /etc/kijun/backup/ssh_config
