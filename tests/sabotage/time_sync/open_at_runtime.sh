#!/bin/sh
# breaks: time_sync.serving
# caught-by: reading
# what: the running daemon is told to answer a network, and no file says so
set -eu
chronyc allow 198.51.100.0/24 >/dev/null
