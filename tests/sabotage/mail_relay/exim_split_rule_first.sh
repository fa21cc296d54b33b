#!/bin/sh
# breaks: mail_relay.restrictions
# caught-by: reading
# subject: exim
# what: the split configuration has a rule of its own before the checks
set -eu
sed -i "s/^dc_use_split_config=.*/dc_use_split_config='true'/" /etc/exim4/update-exim4.conf.conf
sed -i 's/^acl_check_rcpt:$/&\n\n  accept\n    hosts = <; 0.0.0.0\/0 ; ::\/0\n/' /etc/exim4/conf.d/acl/30_exim4-config_check_rcpt
systemctl reload exim4
exim4 -bP config | grep -qF '0.0.0.0/0'
