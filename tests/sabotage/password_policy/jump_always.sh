#!/bin/sh
# breaks: password_policy.privileged_stronger
# caught-by: reading
# what: the line that tells privileged users apart jumps whatever it finds, so the ordinary check is for all
set -eu
sed -i '/pam_succeed_if.so/s/default=ignore/default=1/' /etc/pam.d/common-password
grep -q 'default=1.*pam_succeed_if' /etc/pam.d/common-password
