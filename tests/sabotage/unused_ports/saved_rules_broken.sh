#!/bin/sh
# breaks: unused_ports.at_boot, unused_ports.in_force
# caught-by: reading
# what: A typing mistake keeps all rules from being loaded at the next boot.
set -eu

echo 'tabel inet more {}' >>/etc/nftables.conf
! nft -c -f /etc/nftables.conf 2>/dev/null
