#!/bin/sh
# breaks: password_policy.hash_strength
# caught-by: reading
# what: pam_unix is told no scheme, and login.defs names none either: new passwords become DES
set -eu
sed -i '/pam_unix.so/s/ yescrypt//' /etc/pam.d/common-password
sed -i '/^ENCRYPT_METHOD/d' /etc/login.defs
! grep -q 'pam_unix.so.*yescrypt' /etc/pam.d/common-password
