#!/bin/sh
# breaks: unused_ports.at_boot, unused_ports.in_force
# caught-by: reading
# what: The next boot will open the database's port.
set -eu

echo 'add rule inet kijun_filter declared tcp dport 3306 accept' >>/etc/nftables.conf
nft -c -f /etc/nftables.conf
