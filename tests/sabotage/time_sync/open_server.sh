#!/bin/sh
# breaks: time_sync.serving
# caught-by: reading
# what: a drop-in lets everybody ask for the time
set -eu
echo allow >/etc/chrony/conf.d/serve.conf
systemctl restart chrony.service
sleep 6
