#!/bin/sh
# breaks: password_policy.hard_to_guess
# caught-by: reading
# what: words of the dictionary are no longer looked up (dictcheck=0)
set -eu
sed -i 's/dictcheck=1/dictcheck=0/' /etc/pam.d/common-password
grep -q 'dictcheck=0' /etc/pam.d/common-password
