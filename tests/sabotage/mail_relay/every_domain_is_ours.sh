#!/bin/sh
# breaks: mail_relay.destinations
# caught-by: reading
# what: relay_domains is a table that knows every domain
set -eu
postconf -e 'relay_domains = static:all'
systemctl reload postfix
