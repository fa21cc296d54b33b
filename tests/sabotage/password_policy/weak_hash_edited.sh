#!/bin/sh
# breaks: password_policy.hash_strength, password_policy.predates_enforcement
# caught-by: reading
# what: a hash in /etc/shadow is replaced by an MD5 one
set -eu
useradd -m kpweak
hash=$(openssl passwd -1 -salt abcdefgh abc)
usermod -p "$hash" kpweak
