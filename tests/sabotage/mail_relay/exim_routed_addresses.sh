#!/bin/sh
# breaks: mail_relay.source_routes
# caught-by: reading
# subject: exim
# what: user%elsewhere at an own domain is followed
set -eu
cat >>/etc/exim4/exim4.conf.localmacros <<'end'
CHECK_RCPT_LOCAL_LOCALPARTS = ^[.]
percent_hack_domains = *
end
systemctl reload exim4
exim4 -bt user%kijun-outside.invalid@museum.example | grep -qF user@kijun-outside.invalid
