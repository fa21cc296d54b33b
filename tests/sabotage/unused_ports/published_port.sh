#!/bin/sh
# breaks: unused_ports.redirected, unused_ports.in_force
# caught-by: reading
# what: A container's port is published as Docker does it, and the rule that looks at redirected packets is gone.
set -eu

nft 'add table ip nat'
nft 'add chain ip nat PREROUTING { type nat hook prerouting priority dstnat; }'
nft 'add rule ip nat PREROUTING tcp dport 8080 dnat to 172.31.0.2:80'
nft 'flush chain inet kijun_filter forward'
