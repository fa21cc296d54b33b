#!/bin/sh
# breaks: password_policy.predates_enforcement
# caught-by: reading
# what: a password of today is dated back to before the policy was enforced, as one restored from a backup would be
set -eu
useradd -m kpolder
printf 'kpolder:%s\n' 'qV7x-m3Lp9wKzT4q' | chpasswd
chage -d 2020-01-01 kpolder
