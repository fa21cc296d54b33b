#!/bin/sh
# breaks: time_sync.serving
# caught-by: proof
# what: the packet filter passes everybody's question on to the server in the other namespace
set -eu
if [ ! -x /usr/sbin/nft ]; then
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install nftables >/dev/null
fi
sed -i 's/^allow .*/allow/' /etc/museum-clock.conf
systemctl restart museum-clock.service
ip -n museum-clock route replace default via 192.0.2.1
echo 1 >/proc/sys/net/ipv4/ip_forward
nft -f - <<'EOF'
table ip passed_on {
    chain in { type nat hook prerouting priority dstnat; iifname != "clock0" udp dport 123 dnat to 192.0.2.123; }
}
EOF
# Where the host has kijun's own filter, it is opened for that.
if nft list chain inet kijun_filter forward >/dev/null 2>&1; then
    nft insert rule inet kijun_filter forward accept
fi
sleep 8
