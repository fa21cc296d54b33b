#!/bin/sh
# breaks: mail_relay.restrictions
# caught-by: reading
# subject: exim
# what: the daemon is started with a macro that trusts everybody, and every file is right
set -eu
echo "SMTPLISTENEROPTIONS='-DMAIN_RELAY_NETS=*'" >>/etc/default/exim4
systemctl restart exim4
tr '\0' ' ' <"/proc/$(cat /run/exim4/exim.pid)/cmdline" | grep -qF MAIN_RELAY_NETS
