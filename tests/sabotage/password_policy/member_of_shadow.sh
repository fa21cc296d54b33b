#!/bin/sh
# breaks: password_policy.credential_files
# caught-by: reading
# what: a user is a member of group shadow, and reads the hashes by the group's right
set -eu
usermod -aG shadow operator
