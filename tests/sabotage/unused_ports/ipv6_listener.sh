#!/bin/sh
# breaks: unused_ports.declared
# caught-by: reading
# what: A program listens over IPv6 only.
set -eu

systemd-run -q --unit=stray-six python3 -c '
import signal, socket
waiting = socket.socket(socket.AF_INET6)
waiting.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
waiting.bind(("::", 8086))
waiting.listen()
signal.pause()'
sleep 1
ss -H -lnt | grep -q '\[::\]:8086 '
