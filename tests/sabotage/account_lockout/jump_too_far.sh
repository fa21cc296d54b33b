#!/bin/sh
# breaks: account_lockout.stack_sound
# caught-by: reading
# what: A jump is one too far: pam_permit is missed and the count is cleared by chance only.
set -eu
sed -i 's/success=2/success=4/' /etc/pam.d/common-auth
grep -q 'success=4' /etc/pam.d/common-auth
