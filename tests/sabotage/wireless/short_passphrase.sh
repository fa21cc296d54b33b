#!/bin/sh
# breaks: wireless.passphrase_length
# caught-by: reading
# what: a passphrase that can be remembered
set -eu
sed -i 's/^wpa_passphrase=.*/wpa_passphrase=museum2026/' /etc/hostapd/hostapd.conf
grep -q 'museum2026' /etc/hostapd/hostapd.conf
