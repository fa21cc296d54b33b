#!/bin/sh
# breaks: mail_relay.restrictions
# caught-by: reading
# subject: exim
# what: the rules of one port are other ones
set -eu
# shellcheck disable=SC2016 # Exim expands it, not the shell
sed -i -e 's/^begin acl$/&\n\nacl_open:\n  accept\n/' \
    -e 's/^acl_smtp_rcpt = .*/acl_smtp_rcpt = ${if eq{$received_port}{587}{acl_open}{acl_check_rcpt}}/' \
    /etc/exim4/exim4.conf.template
echo 'daemon_smtp_ports = 25 : 587' >>/etc/exim4/exim4.conf.localmacros
systemctl restart exim4
sleep 2
ss -Hltn | grep -q ':587 '
