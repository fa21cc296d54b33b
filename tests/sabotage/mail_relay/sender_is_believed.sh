#!/bin/sh
# breaks: mail_relay.restrictions
# caught-by: reading
# what: a table lets everybody send who writes a sender of the own domain
set -eu
echo 'museum.example OK' >/etc/postfix/senders
postmap hash:/etc/postfix/senders
postconf -e 'smtpd_relay_restrictions = permit_mynetworks, check_sender_access hash:/etc/postfix/senders, reject_unauth_destination'
systemctl reload postfix
