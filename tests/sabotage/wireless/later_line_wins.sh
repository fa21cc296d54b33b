#!/bin/sh
# breaks: wireless.management_frames
# caught-by: reading
# what: a later line turns protected management frames off
set -eu
printf 'ieee80211w=0\n' >>/etc/hostapd/hostapd.conf
