#!/bin/sh
# breaks: mail_relay.networks
# caught-by: reading
# subject: exim
# what: Exim is configured for the host alone, and its command line opens it
set -eu
sed -i -e "s/^dc_local_interfaces=.*/dc_local_interfaces='127.0.0.1 ; ::1'/" \
    -e "s/^dc_relay_nets=.*/dc_relay_nets='0.0.0.0\/0'/" /etc/exim4/update-exim4.conf.conf
# The one is Debian 12's, the other Debian 13's.
printf "%s\n" "SMTPLISTENEROPTIONS='-oX 0.0.0.0.25'" "EXIMSERVICE='-bdf -q30m -oX 0.0.0.0.25'" >>/etc/default/exim4
systemctl restart exim4
sleep 2
ss -Hltn | grep -q '0.0.0.0:25 '
