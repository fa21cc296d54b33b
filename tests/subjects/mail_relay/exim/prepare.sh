#!/bin/sh
# Makes a bare Debian host a mail server: Exim as Debian installs it, the MX of museum.example.
set -eu
export DEBIAN_FRONTEND=noninteractive
debconf-set-selections <<'EOF'
exim4-config exim4/dc_eximconfig_configtype select internet site; mail is sent and received directly using SMTP
exim4-config exim4/dc_other_hostnames string museum.example
exim4-config exim4/dc_local_interfaces string
exim4-config exim4/mailname string museum.example
EOF
if [ ! -x /usr/sbin/exim4 ]; then
    apt-get update -q
    apt-get install -qy --no-install-recommends exim4-daemon-light
fi
# Small enough for mail_limits, which leaves Exim's limit to the administrator.
echo 'MESSAGE_SIZE_LIMIT = 10M' >/etc/exim4/exim4.conf.localmacros
