#!/bin/sh
# breaks: time_sync.one_daemon
# caught-by: reading
# what: the time daemon runs, and would not come back after a reboot
set -eu
systemctl disable chrony.service
