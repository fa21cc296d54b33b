#!/bin/sh
# Makes a bare Debian host a mail server: Postfix as Debian installs it, the MX of museum.example.
set -eu
postfix_of_the_museum
systemctl restart postfix
