#!/bin/sh
# breaks: mail_limits.mailbox_notice
# caught-by: reading
# what: the program that tells users was emptied
set -eu
printf '#!/bin/sh\nexit 0\n' >/usr/local/lib/kijun/mailbox-notice
