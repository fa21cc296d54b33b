#!/bin/sh
# breaks: wireless.encryption, wireless.authentication
# caught-by: reading
# what: a second network for guests without any encryption
set -eu
cat >>/etc/hostapd/hostapd.conf <<'END'
bss=wlan0_1
ssid=museum-guests
END
