#!/bin/sh
# breaks: wireless.encryption, wireless.management_frames
# caught-by: reading
# what: hostapd's service is pointed to another file, outside of its folder
set -eu
sed -e '/^ieee80211w=/d' -e 's/^rsn_pairwise=.*/rsn_pairwise=TKIP/' /etc/hostapd/hostapd.conf >/root/ap.conf
chmod 600 /root/ap.conf
printf 'DAEMON_CONF="/root/ap.conf"\n' >>/etc/default/hostapd
