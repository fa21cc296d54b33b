#!/bin/sh
# breaks: time_sync.one_daemon
# caught-by: reading
# what: another time daemon would start at the next boot
set -eu
printf '[Service]\nExecStart=/usr/sbin/ntpd -n\n[Install]\nWantedBy=multi-user.target\n' \
    >/etc/systemd/system/ntpsec.service
systemctl daemon-reload
systemctl enable ntpsec.service
