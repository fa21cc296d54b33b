"""The module that loads the filter: its rules, what it refuses, and that it always has a way back."""

import importlib
import json
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from tests.unit.modules import load

rules = importlib.import_module("ansible.module_utils.kijun_port_rules")

MODULE = load("library/kijun_port_filter.py")
SSHD_ONLY = 'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=38,fd=3))\n'
WEB = {"port": 443, "proto": "tcp", "from": "any", "purpose": "Web", "owner": "Public relations"}


def declared_rules(*entries):
    text = rules.render(list(entries))
    lines = text.partition("chain declared {")[2].splitlines()
    return [line.strip() for line in lines if "accept" in line]


def test_a_rule_for_each_declared_source():
    accept = "meta l4proto tcp ct original proto-dst 443"
    assert declared_rules(WEB) == [f"{accept} accept"]
    assert declared_rules(WEB | {"from": ["10.0.0.7/8", "fd00::/8"]}) == [
        f"{accept} ip saddr 10.0.0.0/8 accept",
        f"{accept} ip6 saddr fd00::/8 accept",
    ]
    assert declared_rules(WEB | {"from": []}) == []
    assert declared_rules({"port": "6000-6010", "proto": "udp"}) == [
        "meta l4proto udp ct original proto-dst 6000-6010 accept"
    ]


def test_words_of_the_inventory_cannot_become_rules():
    text = rules.render([WEB | {"purpose": 'x"\n\t\taccept\n}', "owner": "\x1b[31m"}])
    assert '# x" accept } ([31m)' in text
    assert text.count("accept") == rules.render([WEB]).count("accept") + 1


@pytest.mark.parametrize(
    "bad", [{}, {"port": 0}, {"port": "b"}, {"port": 80, "from": "here"}, {"port": 80, "proto": "icmp"}]
)
def test_a_declaration_that_is_none_is_refused(bad):
    with pytest.raises(ValueError, match=r"\S"):
        rules.render([bad])


def test_the_way_in_is_added_where_nobody_speaks_for_it():
    assert rules.ssh_ports("port 22\nport 2222\nportx 1\n", "10.0.0.1 4000 10.0.0.2 2022") == [22, 2222, 2022]
    assert rules.ssh_ports("", "") == []
    assert [entry["port"] for entry in rules.with_ways_in([WEB], [22, 443, 22])] == [443, 22]


@pytest.mark.parametrize(
    ("sources", "connection", "refused"),
    [
        (["10.0.0.0/8"], "10.9.9.9 4000 10.0.0.2 22", ""),
        (["192.0.2.0/26"], "10.9.9.9 4000 10.0.0.2 22", "10.9.9.9"),
        (["192.0.2.0/26"], "::ffff:192.0.2.7 4000 ::ffff:192.0.2.8 22", ""),
        (["192.0.2.0/26"], "fe80::1%eth0 4000 fe80::2%eth0 22", "fe80::1"),
        (["192.0.2.0/26", "fe80::/10"], "fe80::1%eth0 4000 fe80::2%eth0 22", ""),
        ("any", "10.9.9.9 4000 10.0.0.2 22", ""),
        ([], "10.9.9.9 4000 10.0.0.2 22", "10.9.9.9"),
        (["192.0.2.0/26"], "127.0.0.1 4000 127.0.0.1 22", ""),  # loopback is never filtered
        (["192.0.2.0/26"], "UNKNOWN 65535 UNKNOWN 65535", ""),
        (["192.0.2.0/26"], "", ""),  # no SSH: a console, or a container's own connection
    ],
)
def test_rules_that_shut_the_operator_out_are_known_beforehand(sources, connection, refused):
    ssh = {"port": 22, "proto": "tcp", "from": sources}
    assert rules.shut_out([WEB, ssh], connection) == refused


def test_strays_are_what_others_could_reach():
    listening = SSHD_ONLY + (
        "tcp LISTEN 0 5 127.0.0.1:5432 0.0.0.0:*\n"
        "udp UNCONN 0 0 [fe80::1]%eth0:546 [::]:*\n"
        "udp UNCONN 0 0 0.0.0.0:40000 0.0.0.0:*\n"
        "udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:*\n"
        "tcp LISTEN 0 5 [::ffff:127.0.0.1]:80 *:*\n"
        'tcp LISTEN 0 5 *:443 *:* users:(("nginx",pid=1,fd=1))\n'
        'udp UNCONN 0 0 0.0.0.0:443 0.0.0.0:* users:(("nginx",pid=1,fd=1))\n'
        "tcp LISTEN 0 5 0.0.0.0:50000 0.0.0.0:*\n"
    )
    listening += "udp UNCONN 0 0 *:5353 *:* cgroup:/system.slice/avahi-daemon.service\n"
    declared = rules.with_ways_in([WEB], [22])
    assert rules.strays(listening, declared, []) == ["udp 443 (nginx)", "tcp 50000", "udp 5353"]
    assert rules.strays(listening, declared, ["avahi-daemon.service"]) == ["udp 443 (nginx)", "tcp 50000"]


class FakeHost:
    """Answers the module's commands, and notes them."""

    def __init__(self, loaded="", pending=False, listening=SSHD_ONLY, refused=""):
        self.loaded, self.pending, self.listening, self.refused = loaded, pending, listening, refused
        self.ran = []

    def __call__(self, argv):
        line = " ".join(argv)
        self.ran.append(line)
        if line.startswith("unshare"):
            return 0, self.listed(Path(argv[6]).read_text(), "-j" in argv), ""
        if "list table" in line:
            return (
                (0, self.listed(self.loaded, "-j" in argv), "") if self.loaded else (1, "", "no such table")
            )
        if line.startswith("ss "):
            return 0, self.listening, ""
        if line.endswith("sshd -T"):
            return 0, "port 22\n", ""
        if "is-active" in line:
            return (0 if self.pending else 3), "", ""
        if self.refused and self.refused in line:
            return 1, "", "refused"
        return 0, "", ""

    @staticmethod
    def listed(text, as_json):
        return json.dumps({"nftables": [{"rule": text, "handle": 4}]}) if as_json else text

    def changing(self):
        quiet = ("unshare", "ss ", "/usr/sbin/sshd")
        return [line for line in self.ran if not line.startswith(quiet) and "list table" not in line][1:]


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    def run_module(host, *, check=False, nft="/usr/sbin/nft", **arguments):
        paths = {"nft": nft, "sshd": "/usr/sbin/sshd"}
        monkeypatch.setattr(MODULE.AnsibleModule, "get_bin_path", lambda _self, name, **_: paths[name])
        monkeypatch.setattr(MODULE.AnsibleModule, "run_command", lambda _self, argv: host(argv))
        monkeypatch.setattr(MODULE, "REVERT_RULES", str(tmp_path / "revert.nft"))
        given = {"declared": [], "_ansible_check_mode": check} | arguments
        with patch_module_args(given), pytest.raises(SystemExit):
            MODULE.main()
        return json.loads(capsys.readouterr().out)

    return run_module


def wanted():
    return rules.render(rules.with_ways_in([], [22]))


def test_a_dry_run_changes_nothing_and_says_what_a_run_would(run):
    host = FakeHost()
    said = run(host, check=True)
    assert said["changed"] is said["differs"] is True
    assert said["rules"] == wanted()
    assert host.changing() == []


def test_the_timer_is_set_before_the_rules_are_loaded(run, tmp_path):
    host = FakeHost(loaded="the former rules\n")
    assert run(host, revert_after=60)["changed"] is True
    steps = [
        line.split()[0].rpartition("/")[2] + (" -c" if " -c " in line else "") for line in host.changing()
    ]
    assert steps == ["nft -c", "systemctl", "systemd-run", "nft"]
    assert "--on-active 60" in host.changing()[2]
    assert (
        (tmp_path / "revert.nft").read_text().endswith("delete table inet kijun_filter\nthe former rules\n")
    )


def test_rules_that_nft_refuses_are_not_loaded(run):
    host = FakeHost(refused="nft -c")
    said = run(host)
    assert said["failed"] is True
    assert not any("systemd-run" in line for line in host.ran)


def test_rules_are_not_loaded_without_a_way_back(run):
    host = FakeHost(refused="systemd-run")
    assert run(host)["failed"] is True
    assert not any(line.startswith("/usr/sbin/nft -f") for line in host.ran)


def test_nothing_is_done_where_the_rules_are_loaded(run):
    host = FakeHost(loaded=wanted())
    assert run(host)["changed"] is False
    assert host.changing() == []


def test_rules_that_nobody_confirmed_are_loaded_again_and_not_what_to_come_back_to(run, tmp_path):
    host = FakeHost(loaded=wanted(), pending=True)
    assert run(host)["changed"] is True
    assert not (tmp_path / "revert.nft").exists()


def test_the_first_time_nothing_in_use_is_closed(run):
    listening = SSHD_ONLY + 'tcp LISTEN 0 5 *:443 *:* users:(("nginx",pid=1,fd=1))\n'
    said = run(FakeHost(listening=listening))
    assert said["failed"] is True
    assert "tcp 443 (nginx)" in said["msg"]
    assert "kijun ports" in said["msg"]
    assert run(FakeHost(listening=listening), declared=[WEB])["changed"] is True
    assert run(FakeHost(loaded="the former rules\n", listening=listening))["changed"] is True


def test_without_nft_only_a_dry_run_has_an_answer(run):
    assert run(FakeHost(), nft=None, check=True)["changed"] is True
    assert run(FakeHost(), nft=None)["failed"] is True


def test_a_bad_declaration_is_named(run):
    assert "unused_ports_declared: port 'x'" in run(FakeHost(), declared=[{"port": "x"}])["msg"]


@pytest.mark.parametrize("check", [True, False])
def test_rules_that_shut_the_operator_out_are_refused_before_anything_changes(run, check):
    host = FakeHost(loaded="the former rules\n")
    ssh = {"port": 22, "proto": "tcp", "from": ["192.0.2.0/26"]}
    said = run(host, declared=[ssh], ssh_connection="198.51.100.9 4000 192.0.2.8 22", check=check)
    assert "not from 198.51.100.9" in said["msg"]
    assert host.changing() == []
    said = run(host, declared=[ssh], ssh_connection="192.0.2.9 4000 192.0.2.8 22", check=check)
    assert said["changed"] is True
