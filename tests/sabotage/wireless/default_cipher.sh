#!/bin/sh
# breaks: wireless.encryption
# caught-by: reading
# what: the line that names AES is taken away, and hostapd's own default is TKIP
set -eu
grep -q '^rsn_pairwise=' /etc/hostapd/hostapd.conf
sed -i '/^rsn_pairwise=/d' /etc/hostapd/hostapd.conf
