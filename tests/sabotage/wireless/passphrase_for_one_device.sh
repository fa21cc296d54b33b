#!/bin/sh
# breaks: wireless.passphrase_length
# caught-by: reading
# what: one device has a short passphrase of its own
set -eu
printf '00:00:00:00:00:00 printer1\n' >/etc/hostapd/devices.psk
chmod 600 /etc/hostapd/devices.psk
printf 'wpa_psk_file=/etc/hostapd/devices.psk\n' >>/etc/hostapd/hostapd.conf
