#!/bin/sh
# breaks: unused_ports.at_boot
# caught-by: reading
# what: The rules are loaded once the network has been up for a while.
set -eu

sed 's/^Before=.*/After=network-online.target/; s/^Wants=.*/Wants=network-online.target/' \
    /usr/lib/systemd/system/nftables.service >/etc/systemd/system/nftables.service
systemctl daemon-reload
! systemctl show -P Before nftables.service | grep -q network-pre
