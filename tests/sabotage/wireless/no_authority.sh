#!/bin/sh
# breaks: wireless.server_identity
# caught-by: reading
# what: a client no longer checks the certificate of the authentication server
set -eu
sed -i '/ca_cert=/d' /etc/wpa_supplicant/wpa_supplicant-wlan9.conf
! grep -q ca_cert /etc/wpa_supplicant/wpa_supplicant-wlan9.conf
