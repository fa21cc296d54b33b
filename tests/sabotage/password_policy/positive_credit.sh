#!/bin/sh
# breaks: password_policy.length
# caught-by: reading
# what: positive credits let a password of fewer characters pass, while minlen still says what it should
set -eu
sed -i '/pam_pwquality.so minlen=12 /s/dcredit=0 ucredit=0/dcredit=2 ucredit=1/' /etc/pam.d/common-password
grep -q 'dcredit=2' /etc/pam.d/common-password
