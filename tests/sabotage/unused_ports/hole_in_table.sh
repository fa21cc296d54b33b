#!/bin/sh
# breaks: unused_ports.declared_only, unused_ports.in_force
# caught-by: reading
# what: A rule by hand opens one more port.
set -eu

nft insert rule inet kijun_filter input tcp dport 8080 accept
