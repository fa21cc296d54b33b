#!/bin/sh
# breaks: mail_relay.networks
# caught-by: reading
# what: mynetworks is left out, and mynetworks_style trusts a whole class of addresses
set -eu
postconf -X mynetworks
postconf -e 'mynetworks_style = class'
systemctl reload postfix
