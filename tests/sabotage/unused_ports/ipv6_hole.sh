#!/bin/sh
# breaks: unused_ports.declared_only
# caught-by: reading
# what: Everything above 1023 is open, over IPv6 only.
set -eu

nft insert rule inet kijun_filter input meta nfproto ipv6 tcp dport 1024-65535 accept
