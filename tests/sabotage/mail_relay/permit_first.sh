#!/bin/sh
# breaks: mail_relay.restrictions
# caught-by: reading
# what: a permit stands before the refusal, which Postfix still finds in its list
set -eu
postconf -e 'smtpd_relay_restrictions = permit_mynetworks, permit, reject_unauth_destination'
systemctl reload postfix
