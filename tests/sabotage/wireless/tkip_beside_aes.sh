#!/bin/sh
# breaks: wireless.encryption
# caught-by: reading
# what: TKIP is allowed beside AES, for an old device
set -eu
sed -i 's/^rsn_pairwise=CCMP$/rsn_pairwise=CCMP TKIP/' /etc/hostapd/hostapd.conf
grep -q 'CCMP TKIP' /etc/hostapd/hostapd.conf
