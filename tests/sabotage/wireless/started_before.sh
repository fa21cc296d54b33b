#!/bin/sh
# breaks: wireless.in_force
# caught-by: reading
# what: wpa_supplicant goes on running with what it read before the configuration was changed
set -eu
systemd-run --quiet --unit=wireless-by-hand.service wpa_supplicant -Dwired -ilo \
    -c/etc/wpa_supplicant/wpa_supplicant-wlan9.conf
sleep 4
systemctl is-active --quiet wireless-by-hand.service
touch /etc/wpa_supplicant/wpa_supplicant-wlan9.conf
