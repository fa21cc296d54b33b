#!/bin/sh
# breaks: mail_relay.networks
# caught-by: reading
# what: the trusted networks are in a table, and one is not the organisation's
set -eu
printf '127.0.0.0/8 OK\n198.18.0.0/15 OK\n' >/etc/postfix/trusted.cidr
postconf -e 'mynetworks = cidr:/etc/postfix/trusted.cidr'
systemctl reload postfix
