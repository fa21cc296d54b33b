#!/bin/sh
# breaks: mail_limits.mailbox_size
# caught-by: reading
# what: Postfix fills Maildirs itself, around Dovecot and its quota
set -eu
postconf -e 'mailbox_transport =' 'home_mailbox = Maildir/'
systemctl reload postfix
