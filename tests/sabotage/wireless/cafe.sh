#!/bin/sh
# breaks: wireless.designated_networks
# caught-by: reading
# what: the network of a café is joined automatically again
set -eu
sed -i 's/^autoconnect=false/autoconnect=true/' /etc/NetworkManager/system-connections/cafe.nmconnection
grep -q 'autoconnect=true' /etc/NetworkManager/system-connections/cafe.nmconnection
