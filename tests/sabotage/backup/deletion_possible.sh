#!/bin/sh
# breaks: backup.append_only
# caught-by: reading
# what: the server of a repository lets its host delete, as the next drill finds out
set -eu
sed -i 's/ --append-only//' /var/lib/kijun-backup/.ssh/authorized_keys
if kijun-backup drill; then echo "nobody noticed" >&2; fi
