#!/bin/sh
# breaks: unused_ports.default_drop, unused_ports.in_force
# caught-by: reading
# what: The rules are flushed, and the saved ones still look right.
set -eu

nft flush ruleset
