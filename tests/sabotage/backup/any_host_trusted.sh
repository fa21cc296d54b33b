#!/bin/sh
# breaks: backup.off_host
# caught-by: reading
# what: any host that answers is taken for the repository host
set -eu
sed -i 's/StrictHostKeyChecking yes/StrictHostKeyChecking no/' /etc/kijun/backup/ssh_config
