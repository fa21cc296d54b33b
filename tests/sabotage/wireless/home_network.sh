#!/bin/sh
# breaks: wireless.designated_networks, wireless.encryption
# caught-by: reading
# what: iwd knows somebody's network at home
set -eu
printf '[Security]\nPassphrase=%s\n' "$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')" >/var/lib/iwd/home.psk
chmod 600 /var/lib/iwd/home.psk
