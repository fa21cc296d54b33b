#!/bin/sh
# breaks: unused_ports.declared
# caught-by: reading
# what: A web server runs under a unit of its own.
set -eu

cat >/etc/systemd/system/handout.service <<'UNIT'
[Service]
ExecStart=/usr/bin/python3 -m http.server 8080
DynamicUser=yes
UNIT
systemctl daemon-reload
systemctl start handout.service
sleep 1
ss -H -lnt | grep -q ':8080 '
