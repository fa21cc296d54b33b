#!/bin/sh
# breaks: account_lockout.every_path
# caught-by: reading
# what: Only users of /etc/passwd are counted, those of a directory are not.
set -eu
printf 'local_users_only\n' >> /etc/security/faillock.conf
grep -q local_users_only /etc/security/faillock.conf
