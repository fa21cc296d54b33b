#!/bin/sh
# breaks: mail_relay.client_identity
# caught-by: reading
# what: every client may say with XCLIENT that it is another
set -eu
postconf -e 'smtpd_authorized_xclient_hosts = 0.0.0.0/0'
systemctl reload postfix
