#!/bin/sh
# breaks: password_policy.every_path
# caught-by: reading
# what: a hidden drop-in exempts accounts that are not in /etc/passwd; no argument of the module could take that back
set -eu
mkdir -p /etc/security/pwquality.conf.d
printf 'local_users_only\n' > /etc/security/pwquality.conf.d/.hidden.conf
