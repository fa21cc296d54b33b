"""Unused ports, shown from outside: every port is tried, and an undeclared listener is not reached.

The control node is the network here. A host is scanned at each of its own addresses where its SSH server,
known by its key, answers directly.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import pytest
from testinfra.host import Host

from kijun.proving.logins import SshLogins
from kijun.proving.reboots import reboot, watched
from kijun.proving.scanning import ALL_TCP, COMMON_UDP, await_open, tcp_answers, tcp_scan, udp_answers
from kijun.topics._ports_declared import Declared, parse_declared

# Neither known services nor ports that a host asks from by default. One for each test: some run side by side.
STRAY, PUBLISHED, EARLY = 62_613, 62_614, 62_615
UNIT, WEB_UNIT, EARLY_UNIT = "kijun-proof-stray", "kijun-proof-web", "kijun-proof-early"
NAMESPACE = "kijun-proof"
PATIENCE = 30.0
_LISTEN = """
import socket
tcp = socket.create_server(("", {port}), family=socket.AF_INET6, dualstack_ipv6=True)
udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
udp.bind(("", {port}))
while True:
    said, who = udp.recvfrom(2048)
    udp.sendto(b"reached", who)
"""


@pytest.fixture(scope="module")
def ssh_ports(host: Host) -> list[int]:
    """On which ports the SSH server listens."""
    shown = host.check_output("/usr/sbin/sshd -T").splitlines()
    return [int(line.split()[1]) for line in shown if line.startswith("port ")]


@pytest.fixture(scope="module")
def addresses(host: Host, logins: SshLogins, ssh_ports: list[int]) -> list[str]:
    """The host's own addresses at which this control node reaches it directly."""
    shown = host.check_output("ip -o addr show scope global").splitlines()
    own = [line.split()[3].partition("/")[0] for line in shown]
    found = [address for address in own if any(logins.answers_at(address, port) for port in ssh_ports)]
    if not found:
        raise RuntimeError(
            "this control node reaches the host at none of its own addresses: no scan from here"
        )
    return found


@pytest.fixture(scope="module")
def declared(params: dict[str, object]) -> list[Declared]:
    """What is declared for the host."""
    return parse_declared(params["unused_ports_declared"])


def _scan(addresses: list[str], declared: list[Declared], ssh_ports: list[int]) -> None:
    for address in addresses:
        assert await_open(address, ssh_ports, PATIENCE), f"no SSH at {address} within {PATIENCE:.0f} s"
    for address, answers in tcp_scan(addresses, ALL_TCP).items():
        assert [p for p in ssh_ports if answers.get(p) == "open"], (
            f"the scan of {address} does not even see SSH"
        )
        strays = {p: how for p, how in answers.items() if not _may(declared, "tcp", p) and p not in ssh_ports}
        assert not strays, f"TCP ports that nobody declared answer at {address}: {strays}"
        strays = {
            p: how for p, how in udp_answers(address, COMMON_UDP).items() if not _may(declared, "udp", p)
        }
        assert not strays, f"UDP ports that nobody declared answer at {address}: {strays}"


def _may(declared: list[Declared], proto: str, port: int) -> bool:
    return any(one.holds(proto, port) for one in declared)


@pytest.mark.proves("unused_ports.declared", "unused_ports.default_drop", "unused_ports.declared_only")
def test_only_declared_ports_answer(
    addresses: list[str], declared: list[Declared], ssh_ports: list[int]
) -> None:
    """Of all 65,535 TCP ports and the common UDP ports, over IPv4 and IPv6, only declared ones answer."""
    _scan(addresses, declared, ssh_ports)


@contextmanager
def _stray(host: Host) -> Iterator[None]:
    """A listener on TCP and UDP, both families, that nobody declared; it is reached from the host itself."""
    host.run("systemctl stop %s.service", UNIT)
    host.check_output(
        "systemd-run --quiet --collect --unit=%s python3 -c %s", UNIT, _LISTEN.format(port=STRAY)
    )
    try:
        host.check_output("timeout 20 sh -c %s", f"until ss -H -lnu | grep -q :{STRAY}; do sleep 0.2; done")
        yield
    finally:
        host.check_output("systemctl stop %s.service", UNIT)


@pytest.mark.intrusive
@pytest.mark.proves("unused_ports.default_drop", "unused_ports.declared_only")
def test_a_stray_listener_is_not_reached(host: Host, addresses: list[str]) -> None:
    """A listener is started that nobody declared: the host reaches it, and the network does not."""
    with _stray(host):
        for address in addresses:
            family = "socket.AF_INET6" if ":" in address else "socket.AF_INET"
            ask = f"import socket; socket.create_connection(({address!r}, {STRAY}), 5); " + (
                f"u = socket.socket({family}, socket.SOCK_DGRAM); u.settimeout(5); "
                f"u.connect(({address!r}, {STRAY})); u.send(b'x'); print(u.recv(99).decode())"
            )
            assert host.check_output("python3 -c %s", ask) == "reached", "the listener does not listen"
            assert not tcp_answers(address, [STRAY]), f"a stray TCP listener is reached at {address}"
            assert not udp_answers(address, [STRAY]), f"a stray UDP listener is reached at {address}"


@pytest.mark.proves("unused_ports.way_in")
def test_the_operator_logs_in_anew(
    host: Host, addresses: list[str], logins: SshLogins, ssh_ports: list[int]
) -> None:
    """A new connection to the SSH server is let in at every address, and it is this host that answers."""
    for address in addresses:
        assert any(logins.answers_at(address, port) for port in ssh_ports), f"no SSH at {address}"
    assert host.check_output("id -u") == "0"


@pytest.mark.intrusive
@pytest.mark.proves("unused_ports.essentials")
def test_the_host_is_found_over_ipv6(
    host: Host, addresses: list[str], logins: SshLogins, ssh_ports: list[int]
) -> None:
    """With its neighbours forgotten, the host still finds and is found, over whichever families it has."""
    host.check_output("ip neigh flush all")
    host.check_output("ip -6 neigh flush all")
    for address in addresses:
        assert any(logins.answers_at(address, port) for port in ssh_ports), f"nothing at {address} any more"
    six = [address for address in addresses if ip_address(address).version == 6]
    gateways = [line.split()[0] for line in host.check_output("ip -6 neigh show nud reachable").splitlines()]
    assert not six or gateways, "no neighbour was found over IPv6"


@contextmanager
def _published(host: Host) -> Iterator[None]:
    """A listener in a network namespace, its port published by redirection as Docker does it."""
    made = (
        f"ip netns add {NAMESPACE}",
        f"ip link add kijunproof0 type veth peer name eth0 netns {NAMESPACE}",
        "ip addr add 192.0.2.249/30 dev kijunproof0",
        "ip link set kijunproof0 up",
        f"ip -n {NAMESPACE} addr add 192.0.2.250/30 dev eth0",
        f"ip -n {NAMESPACE} link set eth0 up",
        f"ip -n {NAMESPACE} route add default via 192.0.2.249",
        f"systemd-run --quiet --collect --unit={WEB_UNIT} "
        f"ip netns exec {NAMESPACE} python3 -m http.server 80",
        "nft 'add table ip kijun_proof; "
        "add chain ip kijun_proof published { type nat hook prerouting priority dstnat; }; "
        f"add rule ip kijun_proof published tcp dport {PUBLISHED} dnat to 192.0.2.250:80'",
    )
    forwarding = host.check_output("cat /proc/sys/net/ipv4/ip_forward")
    try:
        for line in made:
            host.check_output(line)
        host.check_output("echo 1 >/proc/sys/net/ipv4/ip_forward")
        yield
    finally:
        host.check_output("echo %s >/proc/sys/net/ipv4/ip_forward", forwarding)
        host.run("nft delete table ip kijun_proof")
        host.run("systemctl stop %s.service", WEB_UNIT)
        host.run(f"ip link delete kijunproof0; ip netns delete {NAMESPACE}")


@pytest.mark.intrusive
@pytest.mark.proves("unused_ports.redirected")
def test_a_published_port_is_not_reached(host: Host, addresses: list[str]) -> None:
    """A port is published from a network namespace, as Docker does it: the network does not reach it."""
    four = [address for address in addresses if ip_address(address).version == 4]
    ask = "import socket; socket.create_connection(('192.0.2.250', 80), 2)"
    with _published(host):
        host.check_output("timeout 20 sh -c %s", f'until python3 -c "{ask}"; do sleep 0.3; done')
        for address in four:
            assert not tcp_answers(address, [PUBLISHED]), f"a published port is reached at {address}"


@pytest.mark.intrusive
@pytest.mark.proves("unused_ports.unneeded_services")
def test_unneeded_services_cannot_be_started(host: Host, params: dict[str, object]) -> None:
    """Each unneeded service that the host has is asked to start, and does not."""
    listed = params["unused_ports_unneeded_services"]
    assert isinstance(listed, list)
    known = host.check_output("systemctl list-unit-files --no-legend --plain --type=service,socket")
    present = {line.split()[0] for line in known.splitlines()}
    needed = {one.unit for one in parse_declared(params["unused_ports_declared"])}
    for unit in (name if "." in name else f"{name}.service" for name in map(str, listed)):
        if unit in present - needed:
            assert host.run("systemctl start %s", unit).rc != 0, f"{unit} could be started"
            assert host.run("systemctl is-active %s", unit).rc != 0, f"{unit} is running"


_EARLY = """\
[Unit]
DefaultDependencies=no
After=local-fs.target
Before=network-pre.target
[Service]
ExecStart=/usr/bin/python3 -c '{code}'
[Install]
WantedBy=sysinit.target
"""


@pytest.fixture
def early_listener(host: Host) -> Iterator[None]:
    """A listener that starts at boot before there is a network; removed afterwards."""
    code = (
        "import signal, socket; "
        f'one = socket.create_server(("", {EARLY}), family=socket.AF_INET6, dualstack_ipv6=True); '
        "signal.pause()"
    )
    host.check_output(
        "printf %s %s >/etc/systemd/system/%s.service", "%s", _EARLY.format(code=code), EARLY_UNIT
    )
    host.check_output("systemctl daemon-reload && systemctl enable --quiet %s.service", EARLY_UNIT)
    yield
    host.run("systemctl disable --quiet --now %s.service", EARLY_UNIT)
    host.check_output("rm -f /etc/systemd/system/%s.service && systemctl daemon-reload", EARLY_UNIT)


@pytest.mark.intrusive
@pytest.mark.alone
@pytest.mark.usefixtures("early_listener")
@pytest.mark.proves("unused_ports.at_boot")
def test_only_declared_ports_answer_after_a_boot(
    host: Host, addresses: list[str], declared: list[Declared], ssh_ports: list[int]
) -> None:
    """The host is rebooted: an early listener is never reached, and then only declared ports answer."""
    with watched(addresses, EARLY) as answered:
        reboot(host)
    assert host.run("systemctl is-active %s.service", EARLY_UNIT).rc == 0, "the listener did not start"
    assert not answered, f"a stray listener was reached while the host came up: {answered[0]}"
    _scan(addresses, declared, ssh_ports)
