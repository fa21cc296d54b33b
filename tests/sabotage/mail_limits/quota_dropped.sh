#!/bin/sh
# breaks: mail_limits.mailbox_size
# caught-by: reading
# what: a later file of Dovecot gives everybody an unlimited mailbox
set -eu
if dovecot --version | grep -q '^2\.3'; then
    printf 'plugin {\n  quota_rule = *:storage=0\n}\n' >/etc/dovecot/conf.d/zzz-relaxed.conf
else
    printf 'quota "User quota" {\n  storage_size = unlimited\n}\n' >/etc/dovecot/conf.d/zzz-relaxed.conf
fi
systemctl restart dovecot
