#!/bin/sh
# breaks: wireless.server_identity
# caught-by: reading
# what: every server with a certificate of a known authority is believed
set -eu
sed -i '/domain_suffix_match=/d' /etc/wpa_supplicant/wpa_supplicant-wlan9.conf
! grep -q domain_suffix_match /etc/wpa_supplicant/wpa_supplicant-wlan9.conf
