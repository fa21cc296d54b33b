#!/bin/sh
# breaks: account_lockout.root
# caught-by: reading
# what: Root is taken out of the lock; root_unlock_time stays, which the manual says is enough.
set -eu
sed -i '/^even_deny_root/d' /etc/security/faillock.conf
! grep -q '^even_deny_root' /etc/security/faillock.conf
