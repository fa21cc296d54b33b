#!/bin/sh
# breaks: backup.covered
# caught-by: reading
# what: a database that is older than the newest dump is not in it
set -eu
python3 - <<'EOP'
import json
path = "/var/lib/kijun/backup/collection.json"
record = json.load(open(path))
record["databases"].remove("mariadb mariadb shop")
record["snapshot"]["time"] += 90
json.dump(record, open(path, "w"))
EOP
