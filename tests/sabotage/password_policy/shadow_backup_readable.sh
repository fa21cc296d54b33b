#!/bin/sh
# breaks: password_policy.credential_files
# caught-by: reading
# what: a copy of the hashes is left where everybody may read it
set -eu
install -m 0644 /etc/shadow /etc/shadow.old
