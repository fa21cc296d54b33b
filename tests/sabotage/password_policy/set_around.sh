#!/bin/sh
# breaks: password_policy.predates_enforcement
# caught-by: reading
# what: root stores a hash made elsewhere (usermod -p), so no check has seen the password, which has three characters
set -eu
useradd -m kparound
hash=$(openssl passwd -6 abc)
usermod -p "$hash" kparound
