#!/bin/sh
# breaks: mail_relay.destinations
# caught-by: reading
# what: relay_domains names a top-level domain, and with it all domains below
set -eu
postconf -e 'relay_domains = com'
systemctl reload postfix
