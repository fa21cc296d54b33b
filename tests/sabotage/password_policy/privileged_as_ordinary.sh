#!/bin/sh
# breaks: password_policy.privileged_stronger
# caught-by: reading
# what: ordinary and privileged users need the same length; both are strong, but a rule that compares is broken
set -eu
sed -i 's/minlen=12/minlen=16/' /etc/pam.d/common-password
! grep -q 'minlen=12' /etc/pam.d/common-password
