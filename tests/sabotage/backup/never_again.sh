#!/bin/sh
# breaks: backup.fresh
# caught-by: reading
# what: the newest snapshot is three days old
set -eu
python3 - <<'EOF'
import json
path = "/var/lib/kijun/backup/files.json"
record = json.load(open(path))
record["snapshot"]["time"] -= 3 * 86400
json.dump(record, open(path, "w"))
EOF
