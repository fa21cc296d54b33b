#!/bin/sh
# breaks: mail_relay.authentication
# caught-by: reading
# subject: exim
# what: a name that nobody has, with an empty password, is let in
set -eu
echo 'sato: secret' >/etc/exim4/passwd.office
cat >>/etc/exim4/exim4.conf.template <<'end'

office:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if eq{$auth3}{${lookup{$auth2}lsearch{/etc/exim4/passwd.office}}}}
  server_set_id = $auth2
end
systemctl reload exim4
exim4 -bP authenticators | grep -q '^office auth'
