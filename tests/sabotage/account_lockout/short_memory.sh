#!/bin/sh
# breaks: account_lockout.window
# caught-by: reading
# what: Wrong passwords are forgotten after two seconds, so they never add up.
set -eu
printf 'fail_interval = 2\n' >> /etc/security/faillock.conf
grep -q 'fail_interval = 2' /etc/security/faillock.conf
