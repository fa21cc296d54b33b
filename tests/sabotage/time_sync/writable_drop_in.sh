#!/bin/sh
# breaks: time_sync.configuration_protected
# caught-by: reading
# what: everybody can say where the time comes from
set -eu
chmod 0777 /etc/chrony/conf.d
