#!/bin/sh
# breaks: mail_relay.authentication
# caught-by: reading
# what: logins are offered, and anonymous ones count
set -eu
postconf -e 'smtpd_sasl_auth_enable = yes' 'smtpd_sasl_type = dovecot' 'smtpd_sasl_path = private/auth' \
    'smtpd_sasl_security_options = noplaintext'
systemctl reload postfix
