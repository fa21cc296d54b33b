#!/bin/sh
# breaks: account_lockout.every_path
# caught-by: reading
# what: su lets everybody in who asks.
set -eu
[ -f /etc/pam.d/su ]
sed -i '1i auth sufficient pam_permit.so' /etc/pam.d/su
grep -q pam_permit /etc/pam.d/su
