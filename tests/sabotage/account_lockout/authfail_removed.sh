#!/bin/sh
# breaks: account_lockout.every_path
# caught-by: reading
# what: The line that counts is taken out; the one that refuses stays, so a look for pam_faillock still finds it.
set -eu
sed -i '/pam_faillock.so authfail/d; s/success=2/success=1/' /etc/pam.d/common-auth
! grep -q authfail /etc/pam.d/common-auth
