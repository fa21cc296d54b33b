#!/bin/sh
# breaks: wireless.encryption, wireless.authentication, wireless.designated_networks
# caught-by: reading
# what: wpa_supplicant joins every open network there is
set -eu
cat >>/etc/wpa_supplicant/wpa_supplicant-wlan9.conf <<'END'
network={
	key_mgmt=NONE
}
END
