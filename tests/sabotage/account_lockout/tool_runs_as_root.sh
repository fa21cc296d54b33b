#!/bin/sh
# breaks: account_lockout.not_resettable
# caught-by: reading
# what: faillock is set-user-ID, so every user may clear every count.
set -eu
chmod u+s /usr/sbin/faillock
