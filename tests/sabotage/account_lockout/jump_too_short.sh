#!/bin/sh
# breaks: account_lockout.stack_sound
# caught-by: reading
# what: A jump is one too short: every right password is refused.
set -eu
sed -i 's/success=2/success=1/' /etc/pam.d/common-auth
grep -q 'success=1' /etc/pam.d/common-auth
