#!/bin/sh
# breaks: unused_ports.way_in, unused_ports.declared_only
# caught-by: reading
# what: The operators of one network are shut out.
set -eu

nft insert rule inet kijun_filter input ip saddr 203.0.113.0/24 tcp dport 22 drop
