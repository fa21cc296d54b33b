#!/bin/sh
# breaks: wireless.encryption, wireless.authentication
# caught-by: reading
# what: an open network in a profile that lasts until the next boot
set -eu
mkdir -p /run/NetworkManager/system-connections
cat >/run/NetworkManager/system-connections/free.nmconnection <<'END'
[connection]
id=free
type=802-11-wireless

[802-11-wireless]
ssid=102;114;101;101;

END
chmod 600 /run/NetworkManager/system-connections/free.nmconnection
