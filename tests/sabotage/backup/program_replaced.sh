#!/bin/sh
# breaks: backup.in_force
# caught-by: reading
# what: the program says that all is well, and does nothing
set -eu
printf '#!/bin/sh\nexit 0\n' >/usr/local/sbin/kijun-backup
