#!/bin/sh
# breaks: unused_ports.declared_only
# caught-by: reading
# what: Whoever sends from port 53 gets in everywhere.
set -eu

nft insert rule inet kijun_filter input udp sport 53 accept
