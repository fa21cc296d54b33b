#!/bin/sh
# breaks: unused_ports.declared
# caught-by: reading
# what: Somebody leaves a listener behind that belongs to no service.
set -eu

setsid python3 -c '
import signal, socket
waiting = socket.create_server(("", 31337))
signal.pause()' </dev/null >/dev/null 2>&1 &
sleep 1
ss -H -lnt | grep -q ':31337 '
