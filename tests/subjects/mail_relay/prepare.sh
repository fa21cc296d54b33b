#!/bin/sh
# Makes a bare Debian host a mail server: Postfix as Debian installs it, the MX of museum.example.
set -eu
export DEBIAN_FRONTEND=noninteractive
debconf-set-selections <<'EOF'
postfix postfix/main_mailer_type select Internet Site
postfix postfix/mailname string museum.example
postfix postfix/protocols select all
EOF
if [ ! -x /usr/sbin/postconf ]; then
    apt-get update -q
    apt-get install -qy --no-install-recommends postfix
fi
# An installation made elsewhere may have left these empty or bound to that machine.
# shellcheck disable=SC2016 # Postfix expands $myhostname, not the shell
postconf -e 'inet_protocols = all' 'inet_interfaces = all' \
    'mydestination = $myhostname, museum.example, localhost.localdomain, localhost'
systemctl restart postfix
