#!/bin/sh
# breaks: wireless.secrets_protected
# caught-by: reading
# what: everybody reads the file of passphrases that the access point uses
set -eu
printf '00:00:00:00:00:00 %s\n' "$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')" >/etc/hostapd/devices.psk
chmod 644 /etc/hostapd/devices.psk
printf 'wpa_psk_file=/etc/hostapd/devices.psk\n' >>/etc/hostapd/hostapd.conf
