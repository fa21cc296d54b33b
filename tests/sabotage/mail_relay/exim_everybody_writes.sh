#!/bin/sh
# breaks: mail_relay.configuration_protected
# caught-by: reading
# subject: exim
# what: a directory of the configuration belongs to the mail server's own user
set -eu
chown Debian-exim /etc/exim4/conf.d/acl
