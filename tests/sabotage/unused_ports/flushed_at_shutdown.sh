#!/bin/sh
# breaks: unused_ports.at_boot
# caught-by: reading
# what: Stopping the service that loads the rules flushes them again, so every port is open while the host goes down.
set -eu

rm /etc/systemd/system/nftables.service.d/kijun.conf
systemctl daemon-reload
