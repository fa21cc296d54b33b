#!/bin/sh
# breaks: account_lockout.every_path
# caught-by: reading
# what: A hand-inserted line lets a right password in before pam_faillock is asked.
set -eu
sed -i '0,/^auth/s//auth\tsufficient\tpam_unix.so\nauth/' /etc/pam.d/common-auth
grep -q 'sufficient.*pam_unix' /etc/pam.d/common-auth
