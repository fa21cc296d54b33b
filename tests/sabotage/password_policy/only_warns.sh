#!/bin/sh
# breaks: password_policy.length, password_policy.every_path
# caught-by: reading
# what: pam_pwquality warns of weak passwords and lets them pass (enforcing=0)
set -eu
sed -i 's/enforcing=1/enforcing=0/' /etc/pam.d/common-password
grep -q 'enforcing=0' /etc/pam.d/common-password
