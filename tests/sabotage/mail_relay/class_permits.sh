#!/bin/sh
# breaks: mail_relay.restrictions
# caught-by: reading
# what: a restriction class with a harmless name permits
set -eu
postconf -e 'smtpd_restriction_classes = partners' 'partners = permit_auth_destination, permit' \
    'smtpd_relay_restrictions = permit_mynetworks, partners, reject_unauth_destination'
systemctl reload postfix
