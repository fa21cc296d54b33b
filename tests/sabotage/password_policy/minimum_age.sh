#!/bin/sh
# breaks: password_policy.changeable
# caught-by: reading
# what: a user must wait thirty days before a leaked password can be changed
set -eu
useradd -m kpmin
printf 'kpmin:%s\n' 'qV7x-m3Lp9wKzT4q' | chpasswd
chage -m 30 kpmin
