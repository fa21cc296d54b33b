#!/bin/sh
# breaks: unused_ports.declared_only, unused_ports.in_force
# caught-by: reading
# what: A verdict map opens one more port, as no rule that names accept.
set -eu

nft 'add chain inet kijun_filter more'
nft 'add rule inet kijun_filter more accept'
nft 'insert rule inet kijun_filter input meta l4proto . th dport vmap { tcp . 8443 : goto more }'
