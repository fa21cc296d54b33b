#!/bin/sh
# breaks: mail_forwarding.user_files,mail_forwarding.own_rules
# caught-by: reading
# subject: exim
# what: users' .forward files are followed again, and one leads outside
set -eu
sed -i '/^  condition = no$/d' /etc/exim4/exim4.conf.template
echo 'sato@kijun-outside.invalid' >/home/sato/.forward
chown sato: /home/sato/.forward
systemctl reload exim4
exim4 -bt sato@museum.example | grep -q kijun-outside
