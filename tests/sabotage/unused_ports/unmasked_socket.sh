#!/bin/sh
# breaks: unused_ports.unneeded_services
# caught-by: reading
# what: The socket of telnet is there again, neither masked nor running.
set -eu

printf '[Socket]\nListenStream=23\nAccept=yes\n[Install]\nWantedBy=sockets.target\n' >/etc/systemd/system/telnet.socket
printf '[Service]\nExecStart=-/bin/login\nStandardInput=socket\n' >/etc/systemd/system/telnet@.service
systemctl daemon-reload
