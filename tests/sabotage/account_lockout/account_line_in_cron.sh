#!/bin/sh
# breaks: account_lockout.not_resettable
# caught-by: reading
# what: The account line in cron's own file only, where nobody looks.
set -eu
[ -f /etc/pam.d/cron ]
sed -i '1i account optional pam_faillock.so' /etc/pam.d/cron
grep -q pam_faillock /etc/pam.d/cron
