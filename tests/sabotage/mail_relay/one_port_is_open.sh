#!/bin/sh
# breaks: mail_relay.restrictions
# caught-by: reading
# what: master.cf opens one more port, where an override permits everybody
set -eu
postconf -M '2525/inet = 2525 inet n - y - - smtpd'
postconf -P '2525/inet/smtpd_relay_restrictions = permit_mynetworks,permit,reject_unauth_destination'
systemctl reload postfix
