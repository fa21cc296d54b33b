#!/bin/sh
# breaks: mail_relay.client_identity
# caught-by: reading
# what: a public port believes the address that a client writes before it speaks
set -eu
postconf -M '2526/inet = 2526 inet n - y - - smtpd'
postconf -P '2526/inet/smtpd_upstream_proxy_protocol = haproxy'
systemctl reload postfix
