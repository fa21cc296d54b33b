#!/bin/sh
# breaks: mail_relay.authentication
# caught-by: reading
# subject: exim
# what: the check of a password is computed, and always true
set -eu
cat >>/etc/exim4/exim4.conf.template <<'end'

office:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if or{{eq{$auth3}{secret}}{!eq{$auth2}{}}}}
  server_set_id = $auth2
end
systemctl reload exim4
exim4 -bP authenticators | grep -q '^office auth'
