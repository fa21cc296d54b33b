#!/bin/sh
# breaks: password_policy.length
# caught-by: reading
# what: an argument at the end of the ordinary users' line, minlen=4, wins over the one before it
set -eu
sed -i '/pam_pwquality.so minlen=12 /s/$/ minlen=4/' /etc/pam.d/common-password
grep -q ' minlen=4$' /etc/pam.d/common-password
