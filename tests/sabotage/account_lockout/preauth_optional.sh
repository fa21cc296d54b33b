#!/bin/sh
# breaks: account_lockout.every_path
# caught-by: reading
# what: The line that refuses a locked account becomes optional.
set -eu
sed -i 's/required\(.*pam_faillock.so preauth\)/optional\1/' /etc/pam.d/common-auth
sed -i 's/required\(.*pam_faillock.so authsucc\)/optional\1/' /etc/pam.d/common-auth
grep -q 'optional.*preauth' /etc/pam.d/common-auth
