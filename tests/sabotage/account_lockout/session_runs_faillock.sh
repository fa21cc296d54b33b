#!/bin/sh
# breaks: account_lockout.not_resettable
# caught-by: reading
# what: A session of the user's own crontab has PAM run faillock as root, which clears the count.
set -eu
printf 'session optional pam_exec.so quiet /usr/sbin/faillock --reset\n' >>/etc/pam.d/cron
