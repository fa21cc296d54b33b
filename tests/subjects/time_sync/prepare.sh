#!/bin/sh
# Makes a bare Debian container a host that keeps time: chrony, which measures the clock that a container may not set, and
# a chrony server in another network namespace for it to ask.
set -eu
export DEBIAN_FRONTEND=noninteractive
if [ ! -x /usr/sbin/chronyd ]; then
    apt-get update -q
    apt-get install -qy --no-install-recommends chrony
fi
install -d /etc/systemd/system/chrony.service.d
cat >/etc/systemd/system/chrony.service.d/measure.conf <<'EOF'
[Unit]
ConditionCapability=
Wants=museum-clock.service
After=museum-clock.service
EOF
echo 'DAEMON_OPTS="-x -F 1"' >/etc/default/chrony
cat >/etc/museum-clock.conf <<'EOF'
local stratum 8
allow 192.0.2.0/24
manual
cmdport 0
bindcmdaddress /run/museum-clock/chronyd.sock
pidfile /run/museum-clock/chronyd.pid
user root
EOF
cat >/etc/systemd/system/museum-clock.service <<'EOF'
[Unit]
Description=A time server in a network of its own
Before=chrony.service

[Service]
RuntimeDirectory=museum-clock
RuntimeDirectoryMode=0700
ExecStartPre=-ip netns add museum-clock
ExecStartPre=-ip link add clock0 type veth peer name clock1 netns museum-clock
ExecStartPre=ip address replace 192.0.2.1/24 dev clock0
ExecStartPre=ip link set clock0 up
ExecStartPre=ip -n museum-clock address replace 192.0.2.123/24 dev clock1
ExecStartPre=ip -n museum-clock link set clock1 up
ExecStart=ip netns exec museum-clock /usr/sbin/chronyd -x -d -f /etc/museum-clock.conf

[Install]
WantedBy=multi-user.target
EOF
# A host that has just booted is read once chrony has measured: nobody logs in before.
cat >/etc/systemd/system/museum-clock-wait.service <<'EOF'
[Unit]
Description=Wait until the clock was measured
After=chrony.service
Before=systemd-user-sessions.service

[Service]
Type=oneshot
ExecStart=-chronyc -h /run/chrony/chronyd.sock waitsync 40 0.1 500 0.5

[Install]
WantedBy=multi-user.target
EOF
systemctl daemon-reload
systemctl enable --now museum-clock.service
systemctl enable museum-clock-wait.service
systemctl restart chrony.service
