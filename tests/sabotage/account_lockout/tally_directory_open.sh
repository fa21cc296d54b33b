#!/bin/sh
# breaks: account_lockout.tally_protected
# caught-by: reading
# what: Users can enter the directory of the counts, and empty their own.
set -eu
chmod 0755 /var/lib/faillock
