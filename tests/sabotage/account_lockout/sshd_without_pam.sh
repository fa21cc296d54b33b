#!/bin/sh
# breaks: account_lockout.in_force
# caught-by: reading
# what: A drop-in that sorts first makes the SSH server check passwords by itself.
set -eu
printf 'UsePAM no\n' > /etc/ssh/sshd_config.d/00-a-local.conf
systemctl reload ssh.service
sshd -T | grep -qx 'usepam no'
