#!/bin/sh
# breaks: password_policy.every_path, password_policy.length, password_policy.privileged_stronger
# caught-by: reading
# what: a hand-inserted pam_unix before the checks stores whatever is typed
set -eu
sed -i '0,/^password/s//password sufficient pam_unix.so yescrypt\npassword/' /etc/pam.d/common-password
grep -q '^password sufficient pam_unix.so' /etc/pam.d/common-password
