#!/bin/sh
# breaks: password_policy.every_path
# caught-by: reading
# what: pam_unix may ask for another password itself where it is not content with the checked one
set -eu
sed -i '/pam_unix.so/s/ use_authtok//' /etc/pam.d/common-password
! grep -q use_authtok /etc/pam.d/common-password
