#!/bin/sh
# breaks: backup.repository_guarded
# caught-by: reading
# what: the server of a repository lets its host delete
set -eu
sed -i 's/ --append-only//' /var/lib/kijun-backup/.ssh/authorized_keys
