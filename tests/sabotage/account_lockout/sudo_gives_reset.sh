#!/bin/sh
# breaks: account_lockout.not_resettable
# caught-by: reading
# what: sudo lets everybody clear counts, without a password.
set -eu
printf 'Cmnd_Alias HELP = /usr/sbin/faillock\nALL ALL = (root) NOPASSWD: HELP\n' >/etc/sudoers.d/helpdesk
chmod 0440 /etc/sudoers.d/helpdesk
visudo -c -q
