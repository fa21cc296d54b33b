#!/bin/sh
# breaks: time_sync.sources
# caught-by: reading
# what: servers that came with a lease are used again
set -eu
mkdir -p /run/chrony-dhcp
echo 'server 192.0.2.1 iburst' >/run/chrony-dhcp/host0.sources
sed -i 's,^#kijun# sourcedir /run/chrony-dhcp,sourcedir /run/chrony-dhcp,' /etc/chrony/chrony.conf
grep -q '^sourcedir /run/chrony-dhcp' /etc/chrony/chrony.conf || echo 'sourcedir /run/chrony-dhcp' >>/etc/chrony/chrony.conf
systemctl restart chrony.service
sleep 6
