#!/bin/sh
# breaks: unused_ports.configuration_protected
# caught-by: reading
# what: Everybody can write to the saved rules.
set -eu

chmod 0666 /etc/nftables-kijun.conf
