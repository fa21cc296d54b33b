#!/bin/sh
# breaks: account_lockout.logged
# caught-by: reading
# what: Locks are no longer logged.
set -eu
printf 'no_log_info\n' >> /etc/security/faillock.conf
grep -q no_log_info /etc/security/faillock.conf
