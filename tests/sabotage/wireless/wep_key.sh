#!/bin/sh
# breaks: wireless.encryption
# caught-by: reading
# what: an access point of its own with WEP, in a file that another service would use
set -eu
cat >/etc/hostapd/scanner.conf <<'END'
interface=wlan1
ssid=museum-scanner
wep_default_key=0
wep_key0=6162636465
END
chmod 600 /etc/hostapd/scanner.conf
