#!/bin/sh
# breaks: time_sync.sources
# caught-by: reading
# what: a drop-in adds a source that nobody declared
set -eu
echo 'server 192.0.2.1 iburst' >/etc/chrony/conf.d/more.conf
systemctl restart chrony.service
sleep 6
