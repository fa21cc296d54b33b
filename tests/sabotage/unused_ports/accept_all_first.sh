#!/bin/sh
# breaks: unused_ports.default_drop, unused_ports.declared_only
# caught-by: reading
# what: The first rule accepts everything, and all others still stand below it.
set -eu

nft insert rule inet kijun_filter input accept
