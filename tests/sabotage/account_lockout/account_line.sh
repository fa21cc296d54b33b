#!/bin/sh
# breaks: account_lockout.not_resettable
# caught-by: reading
# what: The well-known account line: every account check, also that of a user's own crontab, clears the count.
set -eu
printf 'account\trequired\tpam_faillock.so\n' >> /etc/pam.d/common-account
grep -q pam_faillock /etc/pam.d/common-account
