#!/bin/sh
# breaks: mail_relay.networks
# caught-by: reading
# subject: exim
# what: every address may send anywhere (dc_relay_nets)
set -eu
sed -i "s/^dc_relay_nets=.*/dc_relay_nets='0.0.0.0\/0'/" /etc/exim4/update-exim4.conf.conf
systemctl reload exim4
exim4 -bP +relay_from_hosts | grep -qF 0.0.0.0/0
