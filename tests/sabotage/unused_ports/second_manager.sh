#!/bin/sh
# breaks: unused_ports.one_firewall
# caught-by: reading
# what: ufw manages the filter besides.
set -eu

apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install ufw >/dev/null
ufw allow ssh >/dev/null
ufw --force enable >/dev/null
