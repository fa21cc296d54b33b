#!/bin/sh
# breaks: backup.fresh
# caught-by: reading
# what: nobody asked the repository for two days
set -eu
python3 - <<'EOF'
import json
path = "/var/lib/kijun/backup/files.json"
record = json.load(open(path))
record["verified_at"] -= 2 * 86400
json.dump(record, open(path, "w"))
EOF
