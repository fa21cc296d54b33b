#!/bin/sh
# breaks: time_sync.in_force, time_sync.sources
# caught-by: reading
# what: the daemon is started with a configuration of another name
set -eu
printf 'server 192.0.2.1 iburst\npidfile /run/chrony/chronyd.pid\nbindcmdaddress /run/chrony/chronyd.sock\n' \
    >/etc/chrony/other.conf
echo 'DAEMON_OPTS="-x -F 1 -f /etc/chrony/other.conf"' >/etc/default/chrony
systemctl restart chrony.service
sleep 6
