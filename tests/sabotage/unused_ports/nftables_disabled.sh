#!/bin/sh
# breaks: unused_ports.at_boot
# caught-by: reading
# what: The rules are loaded now, and will not be at the next boot.
set -eu

systemctl disable -q nftables.service
