#!/bin/sh
# breaks: password_policy.length, password_policy.privileged_stronger, password_policy.hard_to_guess
# caught-by: reading
# what: passwd gets a stack that trusts the configuration files, where pwquality.conf's minlen 6 wins over a drop-in's 16
set -eu
mkdir -p /etc/security/pwquality.conf.d
printf 'minlen = 16\nenforce_for_root\n' > /etc/security/pwquality.conf.d/99-strong.conf
printf 'minlen = 6\n' > /etc/security/pwquality.conf
cat > /etc/pam.d/passwd <<'PAM'
password requisite pam_pwquality.so retry=3
password required pam_unix.so use_authtok yescrypt
PAM
