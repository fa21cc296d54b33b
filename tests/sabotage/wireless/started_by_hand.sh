#!/bin/sh
# breaks: wireless.encryption, wireless.authentication
# caught-by: reading
# what: wpa_supplicant was started by hand with a file of an open network that lies anywhere
set -eu
printf 'network={\n\tssid="free"\n\tkey_mgmt=NONE\n\tdisabled=1\n}\n' >/root/free.conf
chmod 600 /root/free.conf
wpa_supplicant -B -Dwired -ilo -c /root/free.conf
sleep 1
pgrep -x wpa_supplicant
