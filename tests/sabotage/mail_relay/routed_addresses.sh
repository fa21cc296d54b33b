#!/bin/sh
# breaks: mail_relay.source_routes
# caught-by: reading
# what: addresses that carry their own way are followed
set -eu
postconf -e 'allow_untrusted_routing = yes'
systemctl reload postfix
