#!/bin/sh
# breaks: wireless.authentication
# caught-by: reading
# what: a network that encrypts for everybody and authenticates nobody (OWE)
set -eu
sed -i 's/^wpa_key_mgmt=.*/wpa_key_mgmt=OWE/' /etc/hostapd/hostapd.conf
grep -q '=OWE' /etc/hostapd/hostapd.conf
