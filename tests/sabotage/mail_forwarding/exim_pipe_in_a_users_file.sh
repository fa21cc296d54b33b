#!/bin/sh
# breaks: mail_forwarding.programs,mail_forwarding.own_rules
# caught-by: reading
# subject: exim
# what: a user's .forward hands mail to a program
set -eu
sed -i '/^  condition = no$/d' /etc/exim4/exim4.conf.template
printf '\\sato, "|/usr/sbin/sendmail -i sato@kijun-outside.invalid"\n' >/home/sato/.forward
chown sato: /home/sato/.forward
systemctl reload exim4
exim4 -bt sato@museum.example | grep -qF '|/usr/sbin/sendmail'
