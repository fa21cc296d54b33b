#!/bin/sh
# breaks: wireless.management_frames
# caught-by: reading
# what: protected management frames are only optional
set -eu
sed -i 's/^ieee80211w=.*/ieee80211w=1/' /etc/hostapd/hostapd.conf
grep -q '^ieee80211w=1' /etc/hostapd/hostapd.conf
