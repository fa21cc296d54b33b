#!/bin/sh
# breaks: account_lockout.threshold
# caught-by: reading
# what: A later line in faillock.conf raises the threshold, written without an equals sign.
set -eu
printf '  deny\t999 # local policy: deny = 3\n' >> /etc/security/faillock.conf
grep -q 999 /etc/security/faillock.conf
