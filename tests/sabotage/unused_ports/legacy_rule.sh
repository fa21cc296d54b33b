#!/bin/sh
# breaks: unused_ports.one_firewall
# caught-by: reading
# what: A rule of the old iptables, which nft does not show, drops mail.
set -eu

command -v iptables-legacy >/dev/null || {
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install iptables >/dev/null
}
iptables-legacy -A INPUT -p tcp --dport 25 -j DROP
