#!/bin/sh
# breaks: unused_ports.declared
# caught-by: reading
# what: systemd listens, and starts a shell for each connection (Accept=yes).
set -eu

cat >/etc/systemd/system/stray.socket <<'UNIT'
[Socket]
ListenStream=2323
Accept=yes
UNIT
cat >/etc/systemd/system/stray@.service <<'UNIT'
[Service]
ExecStart=-/bin/sh
StandardInput=socket
UNIT
systemctl daemon-reload
systemctl start stray.socket
