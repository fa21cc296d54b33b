#!/bin/sh
# breaks: password_policy.hard_to_guess
# caught-by: reading
# what: the dictionary is rebuilt from one word, so that every other word passes without a message
set -eu
echo zzzzqq | cracklib-packer /var/cache/cracklib/cracklib_dict
