#!/bin/sh
# breaks: mail_relay.in_force
# caught-by: reading
# what: the running Postfix is open, and only the file was closed again
set -eu
postconf -P 'smtp/inet/smtpd_relay_restrictions = permit_mynetworks,permit,reject_unauth_destination'
systemctl reload postfix
sleep 5
postconf -PX smtp/inet/smtpd_relay_restrictions
