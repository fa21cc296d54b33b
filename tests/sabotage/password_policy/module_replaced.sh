#!/bin/sh
# breaks: password_policy.in_force
# caught-by: reading
# what: pam_pwquality.so is replaced by a module that always says yes; not a line of configuration changes
set -eu
module=$(find /usr/lib -name pam_pwquality.so | head -n 1)
cp "${module%/*}/pam_permit.so" "$module"
