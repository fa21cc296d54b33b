"""`kijun ports` over readings of booted hosts, and what a scan of this machine itself finds."""

import json
import socket

import pytest
import yaml

from kijun.model import Outcome
from kijun.parsers.sockets import parse_socket_units, parse_ss
from kijun.ports import HostPorts, Standing, exit_code, rows
from kijun.ports.showing import render
from kijun.proving import scanning
from kijun.topics._ports_declared import parse_declared
from kijun.topics._ports_reads import Observed

SS = """\
tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=38,fd=3)) cgroup:/system.slice/ssh.service
tcp LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=38,fd=4)) cgroup:/system.slice/ssh.service
tcp LISTEN 0 100 0.0.0.0:25 0.0.0.0:* users:(("master",pid=9,fd=3)) cgroup:/system.slice/postfix@-.service
tcp LISTEN 0 4096 *:2323 *:* users:(("systemd",pid=1,fd=30)) cgroup:/init.scope
tcp LISTEN 0 5 127.0.0.1:5432 0.0.0.0:* users:(("postgres",pid=5,fd=3)) cgroup:/system.slice/pg.service
tcp LISTEN 0 5 0.0.0.0:31337 0.0.0.0:* users:(("nc\x1b[2J",pid=5,fd=3)) cgroup:/user.slice/session-3.scope
udp UNCONN 0 0 10.0.2.15%eth0:68 0.0.0.0:* cgroup:/system.slice/systemd-networkd.service
"""
UNITS = "[::]:2323 Stream stray.socket -\n"
DECLARED = [
    {"port": 25, "from": ["10.0.0.0/8"], "purpose": "Mail", "owner": "IT", "unit": "postfix@-.service"},
    {"port": "6000-6010", "purpose": "Till", "owner": "Shop"},
    {"port": 8443, "purpose": "Year's end", "owner": "Accounts", "optional": True},
]


@pytest.fixture
def host():
    declared = parse_declared(DECLARED)
    seen = Observed(tuple(parse_ss(SS, parse_socket_units(UNITS))), (32768, 60999))
    return HostPorts("web1", Outcome.COLLECTED, "", tuple(rows(seen, declared)), tuple(declared))


def test_every_port_has_its_standing(host):
    found = {row.port: row.standing for row in host.rows}
    assert found == {
        "2323": Standing.UNDECLARED,
        "31337": Standing.UNDECLARED,
        "25": Standing.DECLARED,
        "22": Standing.WAY_IN,
        "5432": Standing.LOOPBACK,
        "68": Standing.ASKING,
        "6000-6010": Standing.SILENT,
        "8443": Standing.OPTIONAL,
    }
    assert [row.standing for row in host.rows][:2] == [Standing.UNDECLARED] * 2
    assert next(row for row in host.rows if row.port == "22").families == ("IPv4", "IPv6")


def test_what_is_printed_to_paste_declares_all_that_listens(host):
    pasted = yaml.safe_load(render([host], "yaml"))["unused_ports_declared"]
    ports = [entry["port"] for entry in pasted]
    assert ports == [25, "6000-6010", 8443, 2323, 31337]
    assert pasted[3] == {
        "port": 2323, "proto": "tcp", "from": "any", "unit": "stray.socket", "purpose": "", "owner": "",
    }  # fmt: skip
    assert "unit" not in pasted[4]  # a login session is nobody's service
    again = parse_declared(pasted)
    assert again[:3] == list(host.declared)


def test_the_table_has_no_control_characters_and_says_what_to_do(host):
    text = render([host], "text")
    assert "\x1b" not in text
    assert "NOT DECLARED" in text
    assert "unit: stray.socket" in text


def test_json_has_everything(host):
    found = json.loads(render([host], "json"))
    assert found["schema"] == 1
    assert len(found["hosts"]["web1"]["ports"]) == len(host.rows)


def test_a_host_that_was_not_read_says_why(host):
    gone = HostPorts("db1", Outcome.UNREACHABLE, "no route to host")
    for form in ("text", "json", "yaml"):
        assert "no route to host" in render([gone], form)
    assert (exit_code([host, gone]), exit_code([gone]), exit_code([])) == (1, 2, 0)


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_scan_tells_open_from_refused(family, address):
    with socket.create_server((address, 0), family=family) as one, socket.socket(family) as closed:
        closed.bind((address, 0))  # bound, and nobody listens
        opened, refused = one.getsockname()[1], closed.getsockname()[1]
        found = scanning.tcp_answers(address, [opened, refused])
    assert found == {opened: "open", refused: "refused"}


def test_a_scan_of_datagrams_tells_answered_from_refused():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        assert scanning.udp_answers("127.0.0.1", [port], wait=0.2) == {}
        silent.close()
        assert scanning.udp_answers("127.0.0.1", [port], wait=0.2) == {port: "refused"}


def test_silence_is_no_answer(monkeypatch):
    monkeypatch.setattr(scanning, "WAIT", 0.3)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:  # the queue is full after the first, and the kernel is silent about the others
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        assert scanning.tcp_answers("127.0.0.1", [full.getsockname()[1]]) == {}
        for one in waiting:
            one.close()
