#!/bin/sh
# breaks: mail_limits.outbound
# caught-by: reading
# what: a program on the host sends to many recipients outside
set -eu
n=0
while [ $n -lt 40 ]; do
    n=$((n + 1))
    printf 'Subject: buy\n\n.\n' | /usr/sbin/sendmail -i -f '<>' "user-$n@kijun-outside.invalid"
done
sleep 8
