#!/bin/sh
# breaks: wireless.wps
# caught-by: reading
# what: WPS is switched on, for a printer
set -eu
printf 'wps_state=2\neap_server=1\nconfig_methods=push_button\n' >>/etc/hostapd/hostapd.conf
