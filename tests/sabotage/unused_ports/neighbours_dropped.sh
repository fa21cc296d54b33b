#!/bin/sh
# breaks: unused_ports.essentials
# caught-by: reading
# what: Neighbour discovery is dropped, so IPv6 stops working within minutes.
set -eu

nft insert rule inet kijun_filter input icmpv6 type nd-neighbor-solicit drop
