#!/bin/sh
# breaks: mail_forwarding.aliases
# caught-by: reading
# subject: exim
# what: what one person may forward, another does
set -eu
printf 'suzuki: sato, curator@kijun-approved.invalid\n' >>/etc/aliases
