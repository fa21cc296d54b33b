#!/bin/sh
# breaks: account_lockout.not_resettable
# caught-by: proof
# what: A job of root's clears all counts every few seconds; no configuration of PAM shows it.
set -eu
cat > /usr/local/sbin/tidy <<'JOB'
#!/bin/sh
while sleep 5; do rm -f /var/lib/faillock/*; done
JOB
chmod 0755 /usr/local/sbin/tidy
systemd-run -q --unit=tidy /usr/local/sbin/tidy
systemctl is-active -q tidy.service
