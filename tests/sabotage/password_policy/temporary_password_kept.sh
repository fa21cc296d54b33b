#!/bin/sh
# breaks: password_policy.temporary_password
# caught-by: reading
# what: an issued account's temporary password need no longer be changed (chage -d today)
set -eu
useradd -m kptemp
hash=$(openssl passwd -6 -salt abcdefgh abcdefgh)
mkdir -p /var/lib/kijun
printf 'kptemp %s abcdefgh\n' "$(date +%s)" >> /var/lib/kijun/issued_accounts
printf 'kptemp:%s\n' "$hash" | chpasswd -e
chage -d 0 kptemp
chage -d "$(($(date +%s) / 86400))" kptemp
