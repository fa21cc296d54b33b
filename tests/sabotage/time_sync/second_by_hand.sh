#!/bin/sh
# breaks: time_sync.one_daemon
# caught-by: reading
# what: another time daemon was started by hand
set -eu
cp /bin/sleep /usr/local/sbin/ntpd
systemd-run --quiet --unit=by-hand /usr/local/sbin/ntpd 100000
sleep 1
