#!/bin/sh
# breaks: account_lockout.every_path
# caught-by: reading
# what: Members of a group are let in by a line of their own, before pam_faillock is asked.
set -eu
sed -i '0,/^auth/s//auth\t[success=ignore default=1]\tpam_succeed_if.so quiet user ingroup users\nauth\tsufficient\tpam_unix.so\nauth/' \
    /etc/pam.d/common-auth
grep -q 'sufficient.*pam_unix' /etc/pam.d/common-auth
