"""The example inventory works: it loads, keeps the floors, fits the roles, and speaks of every topic."""

import ipaddress
import re
import shutil
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from kijun.errors import FloorError
from kijun.floors import load_rules
from kijun.inventory import Host, load_inventory, require_resolved
from kijun.topics import all_topics

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "inventory/example"
TOPICS = sorted(all_topics())
PLACES = ("head_office", "fine_arts", "natural_history", "ceramics", "science", "history", "modern_art")
DOCUMENTATION = [
    ipaddress.ip_network(network)
    for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")  # RFC 5737, 3849
]


@pytest.fixture(scope="module")
def hosts() -> dict[str, Host]:
    loaded = load_inventory([str(EXAMPLE)])  # raises where a floor is not kept
    require_resolved(loaded)
    return {host.name: host for host in loaded}


def written() -> dict[str, list[Path]]:
    """Return every variable that the example sets, and where."""
    found: dict[str, list[Path]] = {}
    for path in sorted(EXAMPLE.glob("*_vars/**/*.yml")):
        for name in yaml.safe_load(path.read_text(encoding="utf-8")) or {}:
            found.setdefault(name, []).append(path)
    return found


def test_the_head_office_and_six_museums_are_there(hosts: dict[str, Host]) -> None:
    tree = yaml.safe_load((EXAMPLE / "hosts.yml").read_text(encoding="utf-8"))["all"]["children"]
    places = {"head_office": tree["head_office"], **tree["museums"]["children"]}
    assert tuple(places) == PLACES
    members = [name for place in places.values() for name in place["hosts"]]
    assert sorted(members) == sorted(hosts)  # every host in one place
    assert len(set(members)) == len(members) >= 15
    assert {"mail", "access_points", "time_masters", "backup_stores"} <= set(tree)


def test_addresses_are_those_for_documentation(hosts: dict[str, Host]) -> None:
    addresses = [host.connection.address for host in hosts.values()]
    assert len(set(addresses)) == len(addresses)
    for address in addresses:
        assert any(ipaddress.ip_address(address) in network for network in DOCUMENTATION), address
    for path in EXAMPLE.rglob("*.yml"):
        for found in re.findall(r"(?<![-.\w])\d+\.\d+\.\d+\.\d+\b", path.read_text(encoding="utf-8")):
            assert any(ipaddress.ip_address(found) in network for network in DOCUMENTATION), (path, found)


@pytest.mark.parametrize("slug", TOPICS)
def test_every_topic_has_numbers_of_the_organisation(slug: str, hosts: dict[str, Host]) -> None:
    assert (EXAMPLE / f"group_vars/all/{slug}.yml").is_file(), f"show how an organisation sets {slug}"
    own = [name for name in load_rules().parameters if name.startswith(f"{slug}_")]
    assert own
    for host in hosts.values():
        assert any(str(EXAMPLE) in host.origins[name] for name in own), (host.name, slug)


@pytest.mark.parametrize("slug", TOPICS)
def test_every_host_fits_the_role(slug: str, hosts: dict[str, Host]) -> None:
    path = ROOT / "roles" / slug / "meta/argument_specs.yml"
    options = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    validator = ArgumentSpecValidator(options)
    for host in hosts.values():
        given = {name: host.params[name] for name in options}
        assert validator.validate(given).error_messages == [], host.name


def test_no_parameter_is_misspelt() -> None:
    known = set(load_rules().parameters)
    for name, paths in written().items():
        if name.startswith(tuple(f"{slug}_" for slug in TOPICS)):
            assert name in known, f"{paths[0]}: there is no parameter {name}"


def test_groups_and_hosts_win_over_what_holds_for_all(hosts: dict[str, Host]) -> None:
    deny = {name: host.params["account_lockout_deny"] for name, host in hosts.items()}
    assert (deny["fine-arts-tickets"], deny["science-mail"], deny["login-1"]) == (5, 3, 3)
    assert hosts["files-1"].params["password_policy_privileged_min_length"] == 20


def test_declared_ports_add_up(hosts: dict[str, Host]) -> None:
    def ports(name: str) -> set[object]:
        declared = hosts[name].params["unused_ports_declared"]
        assert isinstance(declared, list)
        assert all(entry["purpose"] and entry["owner"] for entry in declared)
        return {entry["port"] for entry in declared}

    assert ports("login-1") == {22}
    assert ports("mail-gateway") == {22, 25, 587}
    assert ports("mail-1") == {22, 25, 587, 993}
    assert ports("modern-art-tickets") == {22, 80, 443}
    assert ports("time-1") == {22, 123}


def test_a_value_below_a_floor_is_refused_before_any_host_is_touched(tmp_path: Path) -> None:
    copy = shutil.copytree(EXAMPLE, tmp_path / "museums")
    with (copy / "host_vars/login-1.yml").open("a", encoding="utf-8") as stream:
        stream.write("password_policy_min_length: 7\n")
    with pytest.raises(FloorError, match=r"password_policy_min_length.*S-9\.4\.2\.3"):
        load_inventory([str(copy)])
