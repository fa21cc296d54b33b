#!/bin/sh
# breaks: mail_limits.spam_watch
# caught-by: reading
# what: the timer of the watch is stopped and will not start again
set -eu
systemctl disable --now kijun-mail-watch.timer
