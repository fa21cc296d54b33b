#!/bin/sh
# breaks: mail_limits.spam_watch
# caught-by: reading
# what: the watch always finds nothing
set -eu
printf '#!/bin/sh\nexit 0\n' >/usr/local/sbin/kijun-mail-watch
