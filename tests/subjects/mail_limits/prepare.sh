#!/bin/sh
# Makes a bare Debian host a mail server with mailboxes: Postfix hands mail for museum.example to Dovecot.
set -eu
postfix_of_the_museum dovecot-imapd dovecot-lmtpd
dovecot_boxes
systemctl restart dovecot postfix
