#!/bin/sh
# breaks: wireless.secrets_protected
# caught-by: reading
# what: a group reads the access point's passphrase
set -eu
chmod 640 /etc/hostapd/hostapd.conf
