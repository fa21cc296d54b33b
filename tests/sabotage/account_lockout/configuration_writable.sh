#!/bin/sh
# breaks: account_lockout.configuration_protected
# caught-by: reading
# what: Everybody may write to faillock.conf.
set -eu
chmod 0666 /etc/security/faillock.conf
