#!/bin/sh
# breaks: password_policy.temporary_password
# caught-by: reading
# what: sshd's account stack says yes before pam_unix can ask for the change
set -eu
sed -i '0,/^account/s//account sufficient pam_permit.so\naccount/' /etc/pam.d/sshd
grep -q '^account sufficient pam_permit.so' /etc/pam.d/sshd
