#!/bin/sh
# breaks: wireless.authentication
# caught-by: reading
# what: WPA2-PSK is offered beside WPA3, and whoever wants can talk a station down to it
set -eu
sed -i 's/^wpa_key_mgmt=.*/wpa_key_mgmt=SAE WPA-PSK/' /etc/hostapd/hostapd.conf
grep -q 'SAE WPA-PSK' /etc/hostapd/hostapd.conf
