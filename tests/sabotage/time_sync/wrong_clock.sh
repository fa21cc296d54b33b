#!/bin/sh
# breaks: time_sync.accuracy
# caught-by: reading
# what: the clock is ten seconds away from its source's (a container's own cannot be set)
set -eu
chronyc -h /run/museum-clock/chronyd.sock settime "$(date -d '+10 seconds' '+%b %d, %Y %H:%M:%S')" >/dev/null
systemctl restart chrony.service
chronyc waitsync 40 0 500 0.5 >/dev/null
