#!/bin/sh
# breaks: password_policy.changeable
# caught-by: reading
# what: a jump that is one too long leads ordinary users past every check, and pam_unix has nothing to store
set -eu
sed -i '/pam_succeed_if.so/s/success=1/success=2/' /etc/pam.d/common-password
grep -q 'success=2.*pam_succeed_if' /etc/pam.d/common-password
