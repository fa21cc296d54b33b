#!/bin/sh
# breaks: wireless.encryption
# caught-by: reading
# what: the first WPA is offered beside WPA2
set -eu
printf 'wpa=3\n' >>/etc/hostapd/hostapd.conf
