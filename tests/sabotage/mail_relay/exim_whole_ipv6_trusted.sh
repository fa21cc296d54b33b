#!/bin/sh
# breaks: mail_relay.networks
# caught-by: reading
# subject: exim
# what: a macro trusts every address, over IPv6 only
set -eu
echo 'MAIN_RELAY_NETS = <; ; 127.0.0.1 ; ::1 ; ::/0' >>/etc/exim4/exim4.conf.localmacros
systemctl reload exim4
exim4 -bP +relay_from_hosts | grep -qF ::/0
