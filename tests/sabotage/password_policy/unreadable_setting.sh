#!/bin/sh
# breaks: password_policy.length, password_policy.every_path
# caught-by: reading
# what: passwd trusts the files, and a line that libpwquality cannot read hides the good settings after it
set -eu
printf 'minlen = twelve\nminlen = 16\nenforce_for_root\n' > /etc/security/pwquality.conf
cat > /etc/pam.d/passwd <<'PAM'
password requisite pam_pwquality.so retry=3
password required pam_unix.so use_authtok yescrypt
PAM
