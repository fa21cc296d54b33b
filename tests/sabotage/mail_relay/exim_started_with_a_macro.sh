#!/bin/sh
# breaks: mail_relay.restrictions
# caught-by: reading
# subject: exim
# what: the daemon is started with a macro that trusts everybody, and every file is right
set -eu
# The one is Debian 12's, the other Debian 13's.
printf "%s\n" "SMTPLISTENEROPTIONS='-DMAIN_RELAY_NETS=*'" "EXIMSERVICE='-bdf -q30m -DMAIN_RELAY_NETS=*'" >>/etc/default/exim4
systemctl restart exim4
sleep 2
pid=$(ss -Hltnp | sed -n 's/.*"exim4",pid=\([0-9]*\),.*/\1/p' | head -n 1)
tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF MAIN_RELAY_NETS
