#!/bin/sh
# breaks: mail_relay.networks
# caught-by: reading
# what: mynetworks holds every address there is
set -eu
postconf -e 'mynetworks = 127.0.0.0/8 0.0.0.0/0'
systemctl reload postfix
