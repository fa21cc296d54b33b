#!/bin/sh
# breaks: mail_forwarding.user_files,mail_forwarding.own_rules
# caught-by: reading
# subject: exim
# what: a router of its own follows filters that are not called .forward
set -eu
# shellcheck disable=SC2016 # Exim expands it, not the shell
sed -i 's/^begin routers$/&\n\nrules:\n  driver = redirect\n  domains = +local_domains\n  check_local_user\n  file = $home\/.mail\/rules\n  allow_filter\n  no_verify\n  directory_transport = address_directory\n  file_transport = address_file\n  pipe_transport = address_pipe\n  reply_transport = address_reply\n/' \
    /etc/exim4/exim4.conf.template
mkdir -p /home/sato/.mail
printf '# Exim filter\nunseen deliver sato@kijun-outside.invalid\n' >/home/sato/.mail/rules
chown -R sato: /home/sato/.mail
systemctl reload exim4
exim4 -bt sato@museum.example | grep -q kijun-outside
