#!/bin/sh
# breaks: unused_ports.declared
# caught-by: reading
# what: A program waits for UDP packets on every interface.
set -eu

systemd-run -q --unit=stray-udp python3 -c '
import signal, socket
waiting = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
waiting.bind(("0.0.0.0", 5005))
signal.pause()'
sleep 1
ss -H -lnu | grep -q ':5005 '
