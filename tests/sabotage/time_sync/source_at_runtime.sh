#!/bin/sh
# breaks: time_sync.sources
# caught-by: reading
# what: a source is added to the running daemon, and no file says so
set -eu
chronyc add server 192.0.2.1 iburst >/dev/null
