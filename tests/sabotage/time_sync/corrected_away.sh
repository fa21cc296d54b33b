#!/bin/sh
# breaks: time_sync.accuracy
# caught-by: proof
# what: the source is five seconds off, and chrony is told to take them away, so that it finds no fault
set -eu
chronyc -h /run/museum-clock/chronyd.sock settime "$(date -d '+5 seconds' '+%b %d, %Y %H:%M:%S')" >/dev/null
systemctl restart chrony.service
chronyc waitsync 40 0 500 0.5 >/dev/null
off=$(chronyc -c sources | sed 's/^[^,]*,[^,]*,192.0.2.123,[^,]*,[^,]*,[^,]*,[^,]*,\([^,]*\),.*/\1/')
sed -i "s/^server 192.0.2.123 .*/server 192.0.2.123 iburst offset $off/" /etc/chrony/chrony.conf
systemctl restart chrony.service
sleep 8
