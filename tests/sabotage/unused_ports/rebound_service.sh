#!/bin/sh
# breaks: unused_ports.declared
# caught-by: reading
# what: A service that only this host could reach listens on every interface after a change.
set -eu

cat >/etc/systemd/system/counter.service <<'UNIT'
[Service]
ExecStart=/usr/bin/python3 -m http.server --bind 127.0.0.1 9090
DynamicUser=yes
UNIT
systemctl daemon-reload
systemctl start counter.service
sed -i 's/127.0.0.1/0.0.0.0/' /etc/systemd/system/counter.service
systemctl daemon-reload
systemctl restart counter.service
sleep 1
ss -H -lnt | grep -q '0.0.0.0:9090 '
