#!/bin/sh
# breaks: account_lockout.tally_protected
# caught-by: reading
# what: The counts are kept in a directory that everybody can write to and a restart empties.
set -eu
printf 'dir = /dev/shm\n' >> /etc/security/faillock.conf
grep -q /dev/shm /etc/security/faillock.conf
