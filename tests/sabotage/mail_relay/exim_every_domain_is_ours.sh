#!/bin/sh
# breaks: mail_relay.destinations
# caught-by: reading
# subject: exim
# what: mail is passed on for every domain (dc_relay_domains)
set -eu
sed -i "s/^dc_relay_domains=.*/dc_relay_domains='*'/" /etc/exim4/update-exim4.conf.conf
systemctl reload exim4
exim4 -bP +relay_to_domains | grep -qF '*'
