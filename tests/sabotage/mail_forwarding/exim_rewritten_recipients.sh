#!/bin/sh
# breaks: mail_forwarding.address_maps
# caught-by: reading
# subject: exim
# what: a rewriting rule gives recipients another domain
set -eu
# shellcheck disable=SC2016 # Exim expands it, not the shell
sed -i 's/^begin rewrite$/&\n\n*@museum.example $1@kijun-outside.invalid T\n/' /etc/exim4/exim4.conf.template
systemctl reload exim4
exim4 -bt sato@museum.example | grep -q kijun-outside
