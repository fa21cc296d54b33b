#!/bin/sh
# breaks: unused_ports.redirected
# caught-by: reading
# what: A second port leads to the SSH server, past the rule that looks at what was dialled.
set -eu

nft 'add table inet nat'
nft 'add chain inet nat prerouting { type nat hook prerouting priority dstnat; }'
nft 'add rule inet nat prerouting tcp dport 2222 redirect to :22'
nft 'insert rule inet kijun_filter input tcp dport 22 accept'
