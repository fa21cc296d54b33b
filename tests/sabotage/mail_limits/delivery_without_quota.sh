#!/bin/sh
# breaks: mail_limits.mailbox_size
# caught-by: reading
# what: the protocol that delivers mail no longer loads the quota plugin
set -eu
if dovecot --version | grep -q '^2\.3'; then
    printf 'protocol lmtp {\n  mail_plugins =\n}\n' >/etc/dovecot/conf.d/zzz-relaxed.conf
else
    printf 'protocol lmtp {\n  mail_plugins {\n    quota = no\n  }\n}\n' >/etc/dovecot/conf.d/zzz-relaxed.conf
fi
systemctl restart dovecot
