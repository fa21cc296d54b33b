#!/bin/sh
# breaks: unused_ports.unneeded_services
# caught-by: reading
# what: Service discovery is installed and switched on.
set -eu

cat >/etc/systemd/system/avahi-daemon.service <<'UNIT'
[Service]
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable -q --now avahi-daemon.service
