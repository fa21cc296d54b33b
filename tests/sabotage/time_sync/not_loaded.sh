#!/bin/sh
# breaks: time_sync.in_force
# caught-by: reading
# what: the file names another server, and the running daemon never read it
set -eu
sed -i 's/^server 192.0.2.123 .*/server 192.0.2.1 iburst/' /etc/chrony/chrony.conf
