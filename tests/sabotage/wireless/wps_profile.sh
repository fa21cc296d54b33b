#!/bin/sh
# breaks: wireless.wps
# caught-by: reading
# what: a profile of NetworkManager may be joined by WPS
set -eu
sed -i 's/^wps-method=1/wps-method=4/' /etc/NetworkManager/system-connections/staff.nmconnection
grep -q 'wps-method=4' /etc/NetworkManager/system-connections/staff.nmconnection
