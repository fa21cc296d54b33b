#!/bin/sh
# breaks: account_lockout.in_force
# caught-by: reading
# what: The running SSH server does not ask PAM; the file that says so was mended, and the server not told.
set -eu
printf 'UsePAM no\n' > /etc/ssh/sshd_config.d/00-a-local.conf
systemctl reload ssh.service
sleep 2
rm /etc/ssh/sshd_config.d/00-a-local.conf
touch /etc/ssh/sshd_config.d/00-kijun-account-lockout.conf
sshd -T | grep -qx 'usepam yes'
