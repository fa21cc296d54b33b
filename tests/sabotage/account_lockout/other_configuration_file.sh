#!/bin/sh
# breaks: account_lockout.threshold, account_lockout.lock_time
# caught-by: reading
# what: The PAM lines are pointed at another configuration file.
set -eu
printf 'deny = 500\nunlock_time = 1\n' > /etc/security/faillock-local.conf
sed -i 's/pam_faillock.so \(preauth\|authfail\).*/& conf=\/etc\/security\/faillock-local.conf/' /etc/pam.d/common-auth
grep -q 'conf=/etc' /etc/pam.d/common-auth
