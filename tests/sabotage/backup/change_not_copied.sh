#!/bin/sh
# breaks: backup.program_copy
# caught-by: reading
# what: packages changed two hours after the newest copy, and nothing was copied since
set -eu
python3 - <<'EOF'
import json, os, time
path = "/var/lib/kijun/backup/programs.json"
record = json.load(open(path))
record["snapshot"]["time"] -= 5 * 3600
json.dump(record, open(path, "w"))
os.utime("/var/lib/dpkg/status", (time.time() - 7200, time.time() - 7200))
EOF
