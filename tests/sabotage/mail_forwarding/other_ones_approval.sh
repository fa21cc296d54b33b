#!/bin/sh
# breaks: mail_forwarding.aliases
# caught-by: reading
# what: an approved address outside gets somebody else's mail
set -eu
printf 'director: curator@kijun-approved.invalid\n' >>/etc/aliases
newaliases
