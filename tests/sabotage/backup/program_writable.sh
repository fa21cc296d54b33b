#!/bin/sh
# breaks: backup.key_protected
# caught-by: reading
# what: everybody may replace a part of the program
set -eu
chmod 666 /usr/local/lib/kijun/kijun_backup/sources.py
