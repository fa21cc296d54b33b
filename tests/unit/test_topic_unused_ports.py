"""The judge of unused_ports over readings captured on booted hosts, each changed in one way."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kijun.judging import judge
from kijun.model import CommandResult, FileEntry, HostState, Status
from kijun.parameters import defaults, load_parameters
from kijun.standard import load_standard
from kijun.topics.unused_ports import TOPIC

DATA = Path(__file__).parent / "data/ports"
PARAMS = {k: v for k, v in defaults(load_parameters()).items() if k.startswith("unused_ports_")}
CONTROLS = {k: c for k, c in load_standard().controls.items() if c.topic == "unused_ports"}
WEB = {"port": 8080, "proto": "tcp", "from": "any", "purpose": "Handouts", "owner": "Education"}
FILTER = ["default_drop", "declared_only", "essentials", "way_in", "redirected", "in_force", "at_boot"]


def captured(name, commands=None, files=None):
    data = json.loads((DATA / f"{name}.json").read_text())
    said = {k: tuple(v) for k, v in data["commands"].items()} | (commands or {})
    have = {k: tuple(v) for k, v in data["files"].items()} | (files or {})
    return HostState(
        {p: FileEntry(p, e[0], e[1], e[2], e[3], 0, e[4].encode()) for p, e in have.items() if e},
        {
            f"unused_ports.{k}": CommandResult(f"unused_ports.{k}", rc, text.encode())
            for k, (rc, text) in said.items()
        },
        data["read_at"],
        frozenset(data["declared"]),
    )


def statuses(state, **params):
    findings = judge(state, PARAMS | params, TOPIC, CONTROLS)
    return {f.control.partition(".")[2]: f for f in findings}


def failing(state, **params):
    found = statuses(state, **params)
    return sorted(name for name, f in found.items() if f.status is not Status.PASS)


def text(name, command):
    return json.loads((DATA / f"{name}.json").read_text())["commands"][command][1]


def before(command, line):
    return {command: (0, line + text("hardened-12", command))}


@pytest.mark.parametrize("release", ["12", "13"])
def test_a_hardened_host_passes_everything(release):
    assert failing(captured(f"hardened-{release}")) == []


def test_a_fresh_host_has_no_filter():
    found = statuses(captured("fresh-12"))
    assert [n for n, f in found.items() if f.status is Status.FAIL] == [
        *("default_drop", "declared_only", "redirected", "in_force", "at_boot", "configuration_protected")
    ]
    assert found["essentials"].status is found["way_in"].status is Status.NOT_APPLICABLE


def test_every_stray_listener_is_named_with_its_owner():
    found = statuses(captured("docker-12"))["declared"]
    assert found.status is Status.FAIL
    for words in (
        "udp 5005 (stray-udp.service",
        "tcp 8080 (handout.service",
        "tcp 2323 (stray.socket, IPv4/IPv6",
    ):
        assert words in found.actual
    assert "tcp 8086 (stray-six.service, IPv6, all interfaces)" in found.actual


def test_a_published_port_is_dropped_by_our_table_and_seen_without_it():
    rules = "unused_ports.redirected"
    assert statuses(captured("docker-12"))[rules.partition(".")[2]].status is Status.PASS
    without = json.loads(text("docker-12", "ruleset"))
    without["nftables"] = [
        item for item in without["nftables"] if item.get("rule", {}).get("chain") != "forward"
    ]
    state = captured("docker-12", {"ruleset": (0, json.dumps(without))})
    assert statuses(state)["redirected"].status is not Status.PASS


CASES = yaml.safe_load((DATA / "cases.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_one_change_is_noticed_by_the_controls_it_concerns(case):
    before = text("hardened-12", case["command"])
    if "replace" in case:
        assert case["replace"] in before, "not what was captured"
        answer = (0, before.replace(case["replace"], case["by"], 1))
    else:
        answer = (case.get("status", 0), case.get("answer", case.get("before", "") + before))
    assert failing(captured("hardened-12", {case["command"]: answer})) == case["noticed"].split()


@pytest.mark.parametrize("path", ["/etc/nftables.conf", "/etc/nftables-kijun.conf"])
@pytest.mark.parametrize(("mode", "uid"), [(0o666, 0), (0o644, 1000)])
def test_rules_that_others_can_write_are_noticed(path, mode, uid):
    before = json.loads((DATA / "hardened-12.json").read_text())["files"][path]
    state = captured("hardened-12", files={path: (before[0], mode, uid, 0, before[4])})
    assert failing(state) == ["configuration_protected"]


def test_ufw_counts_where_it_is_switched_on():
    running = before("units", "ufw.service loaded active exited ufw\n")
    for said, expected in (("ENABLED=no\n", []), ("ENABLED=yes\n", ["one_firewall"])):
        state = captured("hardened-12", running, {"/etc/ufw/ufw.conf": ("file", 0o644, 0, 0, said)})
        object.__setattr__(state, "declared", state.declared | {"/etc/ufw/ufw.conf"})
        assert failing(state) == expected


def test_what_is_declared_is_to_be_open_and_what_is_open_declared():
    state = captured("hardened-12")
    found = statuses(state, unused_ports_declared=[WEB])
    assert found["declared_only"].status is Status.FAIL
    assert "declared and not open: tcp 8080 over IPv4 from anywhere" in found["declared_only"].actual
    assert "nothing listens: tcp 8080" in found["declared"].actual
    assert found["declared"].status is Status.PASS


def test_nothing_needs_to_listen_on_an_optional_port():
    seasonal = [WEB | {"optional": True}]
    found = statuses(captured("hardened-12"), unused_ports_declared=seasonal)
    assert "nothing listens" not in found["declared"].actual


def test_ssh_declared_for_a_network_is_to_be_open_for_that_network_only():
    ssh = {"port": 22, "from": ["10.0.0.0/8"], "purpose": "SSH", "owner": "IT"}
    found = statuses(captured("hardened-12"), unused_ports_declared=[ssh])["declared_only"]
    assert found.status is Status.FAIL
    assert "tcp 22 over IPv6 from anywhere" in found.actual
    assert "tcp 22 over IPv4 from 0.0.0.0-9.255.255.255" in found.actual
    nobody = statuses(captured("hardened-12"), unused_ports_declared=[ssh | {"from": []}])
    assert nobody["way_in"].status is Status.FAIL


def test_another_unit_on_a_declared_port_is_noticed():
    state = captured("docker-12")
    strays = [
        WEB | {"port": port, "proto": proto} for port, proto in ((5005, "udp"), (8086, "tcp"), (2323, "tcp"))
    ]
    for unit, expected in (("handout.service", Status.PASS), ("nginx.service", Status.FAIL)):
        found = statuses(state, unused_ports_declared=[*strays, WEB | {"unit": unit}])["declared"]
        assert found.status is expected, found.actual


def test_a_declaration_without_purpose_or_owner_is_noticed():
    for lacking in ("purpose", "owner"):
        assert "accounted" in failing(captured("hardened-12"), unused_ports_declared=[WEB | {lacking: " "}])


def test_a_needed_unit_is_no_unneeded_service():
    running = before("units", "avahi-daemon.service loaded active running Avahi\n")
    declared = [WEB | {"port": 5353, "proto": "udp", "unit": "avahi-daemon.service"}]
    found = statuses(captured("hardened-12", running), unused_ports_declared=declared)
    assert found["unneeded_services"].status is Status.PASS


@pytest.mark.parametrize(
    "bad",
    [
        "8080", [8080], [{"proto": "tcp"}], [WEB | {"port": 0}], [WEB | {"port": "9-8"}],
        [WEB | {"port": 70000}],
        [WEB | {"proto": "icmp"}], [WEB | {"from": "museum"}], [WEB | {"from": 7}], [WEB | {"ports": 1}],
        [WEB | {"owner": ["x"]}], [WEB | {"port": True}],
    ],
    ids=str,
)  # fmt: skip
def test_a_declaration_that_cannot_be_understood_leaves_everything_unknown(bad):
    found = statuses(captured("hardened-12"), unused_ports_declared=bad)
    assert {f.status for f in found.values()} == {Status.UNKNOWN}
    assert all("unused_ports_declared" in f.reason for f in found.values())


@pytest.mark.parametrize("command", [r.name.partition(".")[2] for r in TOPIC.reads if hasattr(r, "script")])
@given(noise=st.binary(max_size=200), rc=st.sampled_from([0, 1, 127]))
def test_noise_in_place_of_an_answer_is_no_exception_and_no_better_verdict(command, noise, rc):
    state = captured("fresh-12")
    commands = dict(state.commands)
    commands[f"unused_ports.{command}"] = CommandResult(command, rc, noise)
    before = statuses(state)
    now = statuses(HostState(state.files, commands, state.read_at, state.declared))
    for name, finding in now.items():
        assert "judge of" not in finding.reason, finding.reason
        if name in FILTER and before[name].status is not Status.PASS:
            assert finding.status is not Status.PASS
