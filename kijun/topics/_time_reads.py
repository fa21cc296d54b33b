"""What time_sync reads from a host: whose clock it has, which daemon keeps it, and what that daemon says.

Nothing here asks a time server anything: the daemon's own measurements are read (chronyc(1), ntpq(1),
timedatectl(1)). No key leaves the host: key files are neither read nor printed.
"""

from __future__ import annotations

from kijun.model import CommandRead

STRANGERS = ("203.0.113.9", "2001:db8::9")  # RFC 5737, RFC 3849: nobody's addresses

# Whether the clock is this host's to set: capability 25 of process 1's bounding set (capabilities(7)), in the
# first user namespace (user_namespaces(7)). One systemctl for all daemons that Debian has.
UNITS = CommandRead(
    "time_sync.units",
    r"""
while read -r kijun_key kijun_value; do
if [ "$kijun_key" = CapBnd: ]; then echo "bounding $kijun_value"; fi
done </proc/1/status
read -r kijun_first kijun_outer kijun_count </proc/1/uid_map
echo "users $kijun_first $kijun_outer $kijun_count"
if [ -r /run/systemd/container ]; then
read -r kijun_kind </run/systemd/container
echo "container $kijun_kind"
fi
systemctl show --property=Id,LoadState,ActiveState,UnitFileState,ConditionResult \
chrony.service systemd-timesyncd.service ntpsec.service ntp.service openntpd.service
""",
)

CONFIG = CommandRead(
    "time_sync.config",
    r"""
if [ -x /usr/sbin/chronyd ]; then echo @chrony; chronyd -p 2>&1 || echo @failed; fi
for kijun_file in /etc/ntpsec/ntp.conf /run/ntpsec/ntp.conf.dhcp; do
if [ -e "$kijun_file" ]; then
printf '@ntp %s\n' "$kijun_file"
grep -E '^[[:space:]]*(server|pool|peer|refclock|restrict|includefile)[[:space:]]' "$kijun_file"
fi
done
""",
)

# Process 1 is printed too, to know the host's own PID namespace from a container's: a host sees the processes
# of its containers. chronyc is kept from asking over the network where nothing listens at the socket.
NOW = CommandRead(
    "time_sync.now",
    r"""
echo @processes
ps -o pidns=,pid=,ppid=,etimes=,unit=,args= -p 1 -C chronyd,ntpd,openntpd,systemd-timesyn,systemd-timesyncd
echo @sockets
ss -Hulnp 'sport = :123'
echo @files
for kijun_file in /etc/chrony /etc/chrony/* /etc/chrony/conf.d/* /etc/chrony/sources.d/* /etc/default/chrony \
/etc/systemd/timesyncd.conf /etc/systemd/timesyncd.conf.d /etc/systemd/timesyncd.conf.d/* \
/etc/ntpsec /etc/ntpsec/* /etc/ntp.conf /etc/default/ntpsec /etc/openntpd /etc/openntpd/* \
/run/chrony/chronyd.pid /run/ntpd.pid; do
if [ -e "$kijun_file" ]; then set -- "$@" "$kijun_file"; fi
done
if [ $# -gt 0 ]; then stat -L -c '%.9Y %a %u %g %n' -- "$@"; fi
if [ -S /run/chrony/chronyd.sock ]; then
echo @chronyc
timeout 5 chronyc -h /run/chrony/chronyd.sock -c -N -m tracking 'sources -a' @ACCHECKS@
fi
if [ -d /run/systemd/timesync ]; then
echo @timesyncd
timeout 5 busctl get-property org.freedesktop.timesync1 /org/freedesktop/timesync1 \
org.freedesktop.timesync1.Manager ServerName NTPMessage PollIntervalUSec SystemNTPServers LinkNTPServers
fi
if [ -x /usr/bin/ntpq ]; then
echo @ntpq
timeout 8 ntpq -n -c 'rv 0 leap,stratum,offset,rootdelay,rootdisp' -c peers 2>&1
fi
""".replace("@ACCHECKS@", " ".join(f"'accheck {address}'" for address in STRANGERS)),
    volatile=True,
)
