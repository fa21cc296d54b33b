#!/bin/sh
# breaks: wireless.in_force
# caught-by: proof
# what: NetworkManager read a profile that was weak, and was not told that its file was mended
set -eu
export DEBIAN_FRONTEND=noninteractive
if [ ! -x /usr/sbin/NetworkManager ]; then
    mkdir -p /etc/NetworkManager/conf.d
    printf '[main]\nno-auto-default=*\n[keyfile]\nunmanaged-devices=*\n' >/etc/NetworkManager/conf.d/no-device.conf
    apt-get update -q
    apt-get install -qy --no-install-recommends network-manager
fi
profile=/etc/NetworkManager/system-connections/staff.nmconnection
right=$(cat "$profile")
sed -i 's/^key-mgmt=.*/key-mgmt=wpa-psk/; s/^pmf=.*/pmf=1/' "$profile"
systemctl restart NetworkManager.service
for _ in 1 2 3 4 5 6 7 8 9 10; do
    if nmcli connection show id staff >/dev/null 2>&1; then break; fi
    sleep 1
done
printf '%s\n' "$right" >"$profile"
nmcli --get-values 802-11-wireless-security.key-mgmt connection show id staff | grep -qx wpa-psk
