"""Lines of ss and of `systemctl list-sockets`, captured on booted hosts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.parsers.sockets import parse_socket_units, parse_ss

UNITS = """\
/run/dbus/system_bus_socket  Stream   dbus.socket                     dbus.service
[::]:2323                    Stream   stray.socket                    -
[::]:22                      Stream   ssh.socket                      ssh.service
127.0.0.1:631                Stream   cups.socket                     cups.service
[::]:69                      Datagram tftpd.socket                    tftpd.service
route 1361                   Netlink  systemd-networkd.socket         systemd-networkd.service
"""
SSHD = 'users:(("sshd",pid=38,fd=3)) cgroup:/system.slice/ssh.service'
# line, then: loopback, families, where, unit, socket unit, processes
CASES = [
    (
        f"tcp LISTEN 0 128 0.0.0.0:2022 0.0.0.0:* {SSHD}",
        *(False, "IPv4", "all interfaces", "ssh.service", "", "sshd"),
    ),
    (f"tcp LISTEN 0 128 [::]:2022 [::]:* {SSHD}", False, "IPv6", "all interfaces", "ssh.service", "", "sshd"),
    (
        'tcp LISTEN 0 4096 *:2323 *:* users:(("systemd",pid=1,fd=30)) cgroup:/init.scope',
        *(False, "IPv4/IPv6", "all interfaces", "", "stray.socket", "systemd"),
    ),
    (
        'tcp LISTEN 0 4096 *:22 *:* users:(("sshd",pid=9,fd=3),("systemd",pid=1,fd=5)) cgroup:/init.scope',
        *(False, "IPv4/IPv6", "all interfaces", "ssh.service", "ssh.socket", "sshd systemd"),
    ),
    (
        "tcp LISTEN 0 4096 127.0.0.1:631 0.0.0.0:* cgroup:/system.slice/cups.service",
        *(True, "IPv4", "loopback", "cups.service", "cups.socket", ""),
    ),
    (
        'udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:* users:(("systemd-resolve",pid=5,fd=12))'
        " cgroup:/system.slice/systemd-resolved.service",
        *(True, "IPv4", "loopback", "systemd-resolved.service", "", "systemd-resolve"),
    ),
    (
        "udp UNCONN 0 0 10.0.2.15%eth0:68 0.0.0.0:* cgroup:/system.slice/systemd-networkd.service",
        *(False, "IPv4", "interface eth0", "systemd-networkd.service", "", ""),
    ),
    (
        "udp UNCONN 0 0 [fe80::b47a:2cff:fe0e:59c8]%host0:546 [::]:*",
        *(False, "IPv6", "interface host0", "", "", ""),
    ),
    ("udp UNCONN 0 0 [fe80::1%eth0]:546 [::]:*", False, "IPv6", "interface eth0", "", "", ""),
    (
        "tcp LISTEN 0 5 [::1]:25 [::]:* cgroup:/system.slice/exim4.service",
        *(True, "IPv6", "loopback", "exim4.service", "", ""),
    ),
    ("tcp LISTEN 0 5 [::ffff:10.1.2.3]:25 *:*", False, "IPv4", "address ::ffff:10.1.2.3", "", "", ""),
    ("tcp LISTEN 0 5 [::ffff:127.0.0.1]:25 *:*", True, "IPv4", "loopback", "", "", ""),
    (
        "udp UNCONN 0 0 *:69 *:* cgroup:/init.scope",
        *(False, "IPv4/IPv6", "all interfaces", "tftpd.service", "tftpd.socket", ""),
    ),
    (
        'tcp LISTEN 0 128 0.0.0.0:31337 0.0.0.0:* users:(("python3",pid=96,fd=3))'
        " cgroup:/user.slice/user-0.slice/session-4036.scope",
        *(False, "IPv4", "all interfaces", "session-4036.scope", "", "python3"),
    ),
    (
        "tcp LISTEN 0 64 0.0.0.0:2049 0.0.0.0:* cgroup:unreachable:1f2",
        *(False, "IPv4", "all interfaces", "", "", ""),
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0][:60])
def test_a_line_of_ss(case):
    line, loopback, families, where, unit, socket_unit, processes = case
    (found,) = parse_ss(line, parse_socket_units(UNITS))
    assert (found.loopback, "/".join(found.families), found.where) == (loopback, families, where)
    assert (found.unit, found.socket_unit, " ".join(found.processes)) == (unit, socket_unit, processes)


def test_the_owner_is_whoever_is_known():
    sockets = parse_ss(
        "tcp LISTEN 0 1 *:2323 *:* cgroup:/init.scope\n"
        'tcp LISTEN 0 1 *:1 *:* users:(("nc",pid=1,fd=1))\n'
        "tcp LISTEN 0 1 *:2 *:*\n",
        parse_socket_units(UNITS),
    )
    assert [found.owner for found in sockets] == ["stray.socket", "nc", "the kernel"]


@pytest.mark.parametrize(
    "line",
    [
        "tcp ESTAB 0 0 10.0.0.1:22 10.0.0.2:4000",
        "tcp LISTEN 0 128 0.0.0.0:ssh 0.0.0.0:*",
        "tcp LISTEN 0 128 0.0.0.0:99999 0.0.0.0:*",
        "tcp LISTEN 0 128 nonsense:22 0.0.0.0:*",
        "Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port",
    ],
)
def test_what_is_no_line_of_a_listener_is_refused(line):
    with pytest.raises(ValueError, match=r"\S"):
        parse_ss(line, [])


@given(st.text(), st.text())
def test_any_text_is_parsed_or_refused(sockets, units):
    try:
        parse_ss(sockets, parse_socket_units(units))
    except ValueError:
        return
