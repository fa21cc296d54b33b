#!/bin/sh
# breaks: password_policy.privileged_stronger
# caught-by: reading
# what: members of sudo are taken for ordinary users, because the line that tells them apart names another group
set -eu
sed -i 's/notingroup sudo:/notingroup sudoers:/' /etc/pam.d/common-password
grep -q 'notingroup sudoers:' /etc/pam.d/common-password
