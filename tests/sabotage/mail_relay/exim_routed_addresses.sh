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
# shellcheck disable=SC2016 # Exim expands it, not the shell
sed -i 's/^begin routers$/&\n\nrouted:\n  driver = redirect\n  domains = +local_domains\n  local_parts = ^.*%.*$\n  data = ${sg{$local_part}{%}{@}}\n/' \
    /etc/exim4/exim4.conf.template
systemctl reload exim4
