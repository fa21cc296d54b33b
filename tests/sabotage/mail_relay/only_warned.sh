#!/bin/sh
# breaks: mail_relay.restrictions
# caught-by: reading
# what: the refusal is only logged, by warn_if_reject
set -eu
postconf -e 'smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, warn_if_reject reject_unauth_destination' \
    'smtpd_recipient_restrictions = warn_if_reject reject_unauth_destination'
systemctl reload postfix
