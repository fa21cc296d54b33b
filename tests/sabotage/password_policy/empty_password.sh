#!/bin/sh
# breaks: password_policy.no_empty_password
# caught-by: reading
# what: an account has an empty password, which common-auth's nullok lets in at the console
set -eu
useradd -m kpempty
passwd -d kpempty
