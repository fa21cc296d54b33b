#!/bin/sh
# breaks: account_lockout.threshold
# caught-by: reading
# what: An argument in the PAM line switches the lock off, while faillock.conf looks right.
set -eu
sed -i 's/pam_faillock.so preauth.*/& deny=0/' /etc/pam.d/common-auth
grep -q 'preauth.*deny=0' /etc/pam.d/common-auth
