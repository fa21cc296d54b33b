#!/bin/sh
# breaks: account_lockout.lock_time
# caught-by: reading
# what: The lock lasts for one second.
set -eu
printf 'unlock_time=1\n' >> /etc/security/faillock.conf
grep -q 'unlock_time=1' /etc/security/faillock.conf
