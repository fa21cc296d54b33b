#!/bin/sh
# breaks: password_policy.every_path
# caught-by: reading
# what: whatever root sets for others is no longer checked (enforce_for_root is gone)
set -eu
sed -i 's/ enforce_for_root//' /etc/pam.d/common-password
! grep -q enforce_for_root /etc/pam.d/common-password
