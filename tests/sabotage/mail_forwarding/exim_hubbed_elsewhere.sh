#!/bin/sh
# breaks: mail_forwarding.routes
# caught-by: reading
# subject: exim
# what: Debian's own list of hubs hands the domain to a server outside
set -eu
ip route add unreachable 203.0.113.25
sed -i "s/^dc_other_hostnames=.*/dc_other_hostnames='localhost'/; s/^dc_relay_domains=.*/dc_relay_domains='museum.example'/" \
    /etc/exim4/update-exim4.conf.conf
sed -i "s/^dc_mailname_in_oh=.*/dc_mailname_in_oh='false'/" /etc/exim4/update-exim4.conf.conf
echo 'museum.example: 203.0.113.25' >/etc/exim4/hubbed_hosts
systemctl reload exim4
exim4 -bt sato@museum.example | grep -qF 203.0.113.25
