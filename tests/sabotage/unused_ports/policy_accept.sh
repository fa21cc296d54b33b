#!/bin/sh
# breaks: unused_ports.default_drop, unused_ports.in_force
# caught-by: reading
# what: The chain's policy is to accept; no rule has changed.
set -eu

nft chain inet kijun_filter input '{ policy accept; }'
