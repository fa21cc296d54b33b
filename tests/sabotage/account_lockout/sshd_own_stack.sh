#!/bin/sh
# breaks: account_lockout.every_path
# caught-by: reading
# what: The SSH server gets a PAM file of its own that asks pam_unix alone.
set -eu
[ -f /etc/pam.d/sshd ]
sed -i 's/^@include common-auth/auth required pam_unix.so/' /etc/pam.d/sshd
! grep -q '^@include common-auth' /etc/pam.d/sshd
