#!/bin/sh
# breaks: time_sync.reachable
# caught-by: reading
# what: the time server no longer answers, and chrony goes on running
set -eu
systemctl stop museum-clock.service
# A daemon that has just begun is given half a minute.
while [ "$(ps -o etimes= -p "$(cat /run/chrony/chronyd.pid)")" -lt 35 ]; do sleep 1; done
for _ in 1 2 3 4 5 6 7 8 9 10; do
    chronyc burst 8/8 >/dev/null || true
    sleep 3
    case $(chronyc -c -N sources) in *,192.0.2.123,*,*,0,*) exit 0 ;; esac
done
exit 1
