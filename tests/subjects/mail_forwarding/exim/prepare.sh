#!/bin/sh
# Makes a bare Debian host a mail server: Exim as Debian installs it, with the mailboxes of museum.example.
set -eu
exim_of_the_museum
sato_and_aliases /etc/exim4/staff
