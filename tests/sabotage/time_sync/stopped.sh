#!/bin/sh
# breaks: time_sync.one_daemon, time_sync.accuracy, time_sync.reachable
# caught-by: reading
# what: the time daemon is stopped
set -eu
systemctl stop chrony.service
