#!/bin/sh
# breaks: password_policy.hard_to_guess
# caught-by: reading
# what: pam_pwquality is pointed to a dictionary with one word in it (dictpath), the real one stays in place
set -eu
echo zzzzqq | cracklib-packer /var/cache/cracklib/other
sed -i 's| dictpath= | dictpath=/var/cache/cracklib/other |' /etc/pam.d/common-password
grep -q 'dictpath=/var/cache/cracklib/other' /etc/pam.d/common-password
