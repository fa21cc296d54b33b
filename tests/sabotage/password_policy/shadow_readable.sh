#!/bin/sh
# breaks: password_policy.credential_files
# caught-by: reading
# what: everybody may read the password hashes
set -eu
chmod 0644 /etc/shadow
