#!/bin/sh
# breaks: mail_relay.networks
# caught-by: reading
# what: an override in master.cf trusts every IPv6 address
set -eu
postconf -P 'smtp/inet/mynetworks = 127.0.0.0/8,[::]/0'
systemctl reload postfix
