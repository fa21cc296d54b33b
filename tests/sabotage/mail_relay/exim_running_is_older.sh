#!/bin/sh
# breaks: mail_relay.in_force
# caught-by: reading
# subject: exim
# what: the running Exim is open, and only the file was closed again
set -eu
cp -p /etc/exim4/update-exim4.conf.conf /root/closed
sed -i "s/^dc_relay_nets=.*/dc_relay_nets='0.0.0.0\/0'/" /etc/exim4/update-exim4.conf.conf
systemctl reload exim4
sleep 5
cp /root/closed /etc/exim4/update-exim4.conf.conf
update-exim4.conf
exim4 -bP +relay_from_hosts | grep -vqF 0.0.0.0/0
