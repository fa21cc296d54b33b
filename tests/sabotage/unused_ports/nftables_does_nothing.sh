#!/bin/sh
# breaks: unused_ports.at_boot
# caught-by: reading
# what: A drop-in makes the service that loads the rules do nothing.
set -eu

mkdir -p /etc/systemd/system/nftables.service.d
printf '[Service]\nExecStart=\nExecStart=/bin/true\n' >/etc/systemd/system/nftables.service.d/local.conf
systemctl daemon-reload
