#!/bin/sh
# breaks: account_lockout.module_genuine
# caught-by: reading
# what: pam_faillock.so is a copy of pam_permit.so: every file of text is as it should be.
set -eu
for module in /usr/lib/*/security/pam_faillock.so; do
    permit=${module%/*}/pam_permit.so
    [ -e "$permit" ]
    cp "$permit" "$module"
    cmp "$permit" "$module"
done
