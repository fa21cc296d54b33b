#!/bin/sh
# breaks: account_lockout.threshold
# caught-by: reading
# what: An argument that looks like a number of tries and is read as zero: 65536 in 16 bits.
set -eu
sed -i 's/pam_faillock.so \(preauth\|authfail\).*/& deny=65536/' /etc/pam.d/common-auth
grep -q 'deny=65536' /etc/pam.d/common-auth
