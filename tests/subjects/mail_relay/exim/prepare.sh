#!/bin/sh
# Makes a bare Debian host a mail server: Exim as Debian installs it, the MX of museum.example.
set -eu
exim_of_the_museum
