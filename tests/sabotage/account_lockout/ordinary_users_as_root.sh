#!/bin/sh
# breaks: account_lockout.root
# caught-by: reading
# what: An admin_group gives ordinary users root's short lock time.
set -eu
printf 'admin_group = users\n' >> /etc/security/faillock.conf
grep -q admin_group /etc/security/faillock.conf
