#!/bin/sh
# breaks: mail_relay.login_encrypted
# caught-by: reading
# subject: exim
# what: a password is asked for without TLS
set -eu
echo 'AUTH_SERVER_ALLOW_NOTLS_PASSWORDS = true' >>/etc/exim4/exim4.conf.localmacros
cat >>/etc/exim4/exim4.conf.template <<'end'

office:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if crypteq{$auth3}{${extract{1}{:}{${lookup{$auth2}lsearch{/etc/exim4/passwd}{$value}{*:*}}}}}}
  server_set_id = $auth2
  .ifndef AUTH_SERVER_ALLOW_NOTLS_PASSWORDS
  server_advertise_condition = ${if eq{$tls_in_cipher}{}{}{*}}
  .endif
end
systemctl reload exim4
exim4 -bP authenticators | grep -q '^office auth'
