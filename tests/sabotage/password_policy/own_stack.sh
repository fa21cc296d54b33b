#!/bin/sh
# breaks: password_policy.every_path
# caught-by: reading
# what: chpasswd gets a stack of its own, without the check
set -eu
printf 'password required pam_unix.so sha512\n' > /etc/pam.d/chpasswd
