#!/bin/sh
# breaks: wireless.authentication
# caught-by: reading
# what: iwd may fall back to WPA2-PSK
set -eu
sed -i '/^DisabledTransitionModes=/d' /var/lib/iwd/museum-staff.psk
! grep -q DisabledTransitionModes /var/lib/iwd/museum-staff.psk
