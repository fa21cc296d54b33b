"""Inventories of every shape through Ansible's own code: precedence, vault, Jinja, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from kijun.errors import FloorError, InventoryError
from kijun.floors import Floor, Rules
from kijun.inventory import Host, load_inventory, require_resolved
from kijun.parameters import Parameter

RULES = Rules(
    {
        "t_number": Parameter("t_number", "t", "int", 12, ("a number",)),
        "t_other": Parameter("t_other", "t", "int", 20, ("another",)),
        "t_flag": Parameter("t_flag", "t", "bool", False, ("a flag",)),
        "t_list": Parameter("t_list", "t", "list", [], ("a list",), elements="str"),
    },
    (Floor("t_number", "clause", "S-9.4.2.3", minimum=8),),
)


class Place:
    """A folder with an inventory and playbooks."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "playbooks").mkdir()

    def put(self, name: str, text: str) -> str:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    def load(self, *sources: str, rules: Rules = RULES, **more: object) -> dict[str, Host]:
        chosen = [
            source if "," in source else str(self.root / source) for source in sources or ("hosts.yml",)
        ]
        hosts = load_inventory(chosen, playbooks=self.root / "playbooks", rules=rules, **more)  # type: ignore[arg-type]
        return {host.name: host for host in hosts}


@pytest.fixture(name="place")
def place_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path)


ONE = "all: {hosts: {a: {}}}\n"


def test_defaults_where_the_inventory_says_nothing(place: Place) -> None:
    place.put("hosts.yml", ONE)
    host = place.load()["a"]
    assert host.params == {"t_number": 12, "t_other": 20, "t_flag": False, "t_list": []}
    assert host.origins["t_number"] == "the role's default"
    assert (host.connection.address, host.connection.port, host.connection.become) == ("a", None, True)


LAYERS = [
    ("hosts.yml", "all: {hosts: {a: {}}, vars: {t_number: 31}}\n"),
    ("hosts.yml", "all: {children: {g: {hosts: {a: {}}, vars: {t_number: 32}}}}\n"),
    ("group_vars/all.yml", "t_number: 33\n"),
    ("playbooks/group_vars/all.yml", "t_number: 34\n"),
    ("group_vars/g.yml", "t_number: 35\n"),
    ("playbooks/group_vars/g/main.yml", "t_number: 36\n"),
    ("hosts.yml", "all: {children: {g: {hosts: {a: {t_number: 37}}}}}\n"),
    ("host_vars/a.yml", "t_number: 38\n"),
    ("playbooks/host_vars/a/x.yml", "t_number: 39\n"),
]


def test_precedence_is_ansible_s_own(place: Place) -> None:
    """Each layer beats those before it: the order in Ansible's documentation of variable precedence."""
    for expected, (name, text) in enumerate(LAYERS, 31):
        path = place.put(name, text)
        host = place.load()["a"]
        assert host.params["t_number"] == expected, name
        assert host.origins["t_number"].startswith(path), name
    told = subprocess.run(
        [
            Path(sys.executable).parent / "ansible-inventory",
            "-i",
            "hosts.yml",
            "--playbook-dir",
            "playbooks",
            "--host",
            "a",
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=place.root,
    )
    assert '"t_number": 39' in told.stdout


def test_several_sources_and_ini(place: Place) -> None:
    place.put("hosts.yml", ONE)
    place.put("two/hosts.ini", "[g]\nb ansible_host=192.0.2.1 ansible_port=2222 t_number=15\n")
    place.put("two/group_vars/g.yml", "t_flag: 'yes'\n")
    hosts = place.load("hosts.yml", "two/hosts.ini", "c,d")
    assert set(hosts) == {"a", "b", "c", "d"}
    assert hosts["b"].params["t_number"] == 15
    assert hosts["b"].params["t_flag"] is True
    assert (hosts["b"].connection.address, hosts["b"].connection.port) == ("192.0.2.1", 2222)
    assert set(place.load("two")) == {"b"}


def test_dynamic_inventory(place: Place) -> None:
    script = place.put(
        "dynamic",
        '#!/bin/sh\necho \'{"all": {"hosts": ["a"]}, "_meta": {"hostvars": {"a": {"t_number": "14"}}}}\'\n',
    )
    Path(script).chmod(0o755)
    assert place.load("dynamic")["a"].params["t_number"] == 14


def test_jinja_sees_defaults_other_variables_and_other_hosts(place: Place) -> None:
    place.put(
        "hosts.yml",
        "all:\n  hosts:\n    a: {t_number: '{{ t_other + 4 }}', t_list: ['{{ inventory_hostname }}']}\n"
        "    b: {t_number: \"{{ hostvars['a'].base | int + 1 }}\"}\n  vars: {base: '30'}\n",
    )
    hosts = place.load()
    assert hosts["a"].params["t_number"] == 24
    assert hosts["a"].params["t_list"] == ["a"]
    assert type(hosts["a"].params["t_list"][0]) is str  # type: ignore[index]
    assert hosts["b"].params["t_number"] == 31


def test_only_needed_variables_are_templated(place: Place) -> None:
    place.put("hosts.yml", "all: {hosts: {a: {unused: '{{ never_defined }}', t_number: 9}}}\n")
    host = place.load()["a"]
    assert (host.problem, host.params["t_number"]) == ("", 9)


def test_connection_variables(place: Place) -> None:
    place.put(
        "hosts.yml",
        """
all:
  hosts:
    a:
      ansible_host: "{{ inventory_hostname }}.example.org"
      ansible_user: op
      ansible_ssh_private_key_file: /k
      ansible_password: secret1
      ansible_become_pass: secret2
      ansible_ssh_common_args: -o UserKnownHostsFile="/with space" -J jump
      ansible_ssh_extra_args: -F /cfg
    b: {ansible_connection: local, ansible_become: false}
    c: {ansible_connection: winrm}
    d: {ansible_become_method: su}
    e: {ansible_become_user: oracle}
""",
    )
    hosts = place.load()
    a = hosts["a"].connection
    assert (a.address, a.user, a.key_file, a.password, a.become_password) == (
        "a.example.org",
        "op",
        "/k",
        "secret1",
        "secret2",
    )
    assert a.ssh_args[-6:] == ("-o", "UserKnownHostsFile=/with space", "-J", "jump", "-F", "/cfg")
    assert "secret" not in repr(hosts["a"])
    assert (hosts["b"].connection.kind, hosts["b"].connection.become) == ("local", False)
    assert "winrm" in hosts["c"].connection.unsupported
    assert "su" in hosts["d"].connection.unsupported
    assert "oracle" in hosts["e"].connection.unsupported


def test_ansible_s_environment_counts(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.put("hosts.yml", ONE)
    assert place.load()["a"].connection.host_key_checking is True
    monkeypatch.setenv("ANSIBLE_HOST_KEY_CHECKING", "False")
    monkeypatch.setenv("ANSIBLE_SSH_COMMON_ARGS", "-J hop")
    connection = place.load()["a"].connection
    assert connection.host_key_checking is False
    assert connection.ssh_args[-2:] == ("-J", "hop")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ("{t_number: '{{ nowhere }}'}", ["t_number", "nowhere", "hosts.yml"]),
        ("{t_number: '{{ 1 +'}", ["t_number", "hosts.yml"]),
        ("{ansible_host: '{{ nowhere }}'}", ["ansible_host", "nowhere"]),
        ("{ansible_password: '{{ sesame.nowhere }}', sesame: {}}", ["ansible_password"]),
        ("{ansible_port: ssh}", ["ansible_port", "'ssh'"]),
        ("{ansible_become: perhaps}", ["ansible_become", "'perhaps'"]),
        ("{ansible_ssh_common_args: '-o \"x'}", ["ansible_ssh_common_args", "quote"]),
    ],
)
def test_one_host_s_broken_variable_is_its_own_problem(
    place: Place, variables: str, words: list[str]
) -> None:
    place.put("hosts.yml", f"all: {{hosts: {{bad: {variables}, good: {{t_number: 9}}}}}}\n")
    hosts = place.load()
    assert hosts["good"].problem == ""
    for word in ["bad", *words]:
        assert word in hosts["bad"].problem
    assert "\n" not in hosts["bad"].problem
    with pytest.raises(InventoryError, match=r"bad: .*no host was touched"):
        require_resolved(hosts.values())


def vaulted(place: Place, text: str) -> str:
    place.put("password", "right\n")
    done = subprocess.run(
        [
            Path(sys.executable).parent / "ansible-vault",
            "encrypt",
            "--vault-password-file",
            "password",
            "--output",
            "-",
        ],
        input=text,
        capture_output=True,
        text=True,
        check=True,
        cwd=place.root,
    )
    return done.stdout


def test_vault(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.put("hosts.yml", "all: {hosts: {a: {}, b: {}}}\n")
    place.put("host_vars/a.yml", vaulted(place, "t_number: 17\nansible_become_password: sesame\n"))
    hosts = place.load(vault_password_files=["password"])
    assert hosts["a"].params["t_number"] == 17
    assert hosts["a"].connection.become_password == "sesame"
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(place.root / "password"))
    place.put("password2", "wrong\n")
    wrong = place.load(vault_password_files=["password2"])
    assert "cannot be" in wrong["a"].problem
    assert wrong["b"].problem == ""


def test_a_vault_without_a_password_is_that_host_s_problem(place: Place) -> None:
    place.put("hosts.yml", "all: {hosts: {a: {}, b: {}}}\n")
    place.put("host_vars/a.yml", vaulted(place, "t_number: 17\n"))
    hosts = place.load()
    assert "a: " in hosts["a"].problem
    assert "host_vars/a.yml" in hosts["a"].problem
    assert hosts["b"].problem == ""


def test_floors_stop_everything_and_name_all(place: Place) -> None:
    place.put("hosts.yml", "all: {hosts: {a: {t_number: 6}, b: {t_number: 20}, c: {t_number: '7'}}}\n")
    with pytest.raises(FloorError) as refused:
        place.load()
    for part in (
        "a: t_number is 6",
        "c: t_number is ",
        "S-9.4.2.3",
        "at least 8",
        "hosts.yml:1",
        "no host was touched",
    ):
        assert part in str(refused.value)
    assert set(place.load(limit="b")) == {"b"}


@pytest.mark.parametrize(
    ("limit", "expected"), [("a", {"a"}), ("g", {"b", "c"}), ("g:!c", {"b"}), ("*", {"a", "b", "c"})]
)
def test_limit(place: Place, limit: str, expected: set[str]) -> None:
    place.put("hosts.yml", "all: {hosts: {a: {}}, children: {g: {hosts: {b: {}, c: {}}}}}\n")
    assert set(place.load(limit=limit)) == expected


@pytest.mark.parametrize(
    ("files", "sources", "limit", "words"),
    [
        ({}, ["absent.yml"], None, ["absent.yml", "there is no inventory"]),
        ({"hosts.yml": "all: [:\n"}, ["hosts.yml"], None, ["hosts.yml", "cannot be parsed"]),
        ({"hosts.yml": "all: 3\n"}, ["hosts.yml"], None, ["hosts.yml", "has no host"]),
        ({"hosts.yml": ONE, "b.yml": "- x\n"}, ["hosts.yml", "b.yml"], None, ["b.yml", "cannot be parsed"]),
        ({"d/hosts.yml": ONE, "d/b.yml": "all: [:\n"}, ["d"], None, ["b.yml", "cannot be parsed"]),
        ({"hosts.yml": "all: {}\n"}, ["hosts.yml"], None, ["has no host"]),
        ({"hosts.yml": ONE}, ["hosts.yml"], "nobody", ["--limit nobody", "selects no host"]),
        ({"hosts.yml": ONE}, ["hosts.yml"], "@absent", ["--limit @absent"]),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    place: Place,
    capfd: pytest.CaptureFixture[str],
    files: Mapping[str, str],
    sources: list[str],
    limit: str | None,
    words: list[str],
) -> None:
    for name, text in files.items():
        place.put(name, text)
    with pytest.raises(InventoryError) as refused:
        place.load(*sources, limit=limit)
    said = str(refused.value)
    for word in words:
        assert word in said
    assert "\n" not in said
    assert said.endswith((".", "]"))
    assert capfd.readouterr() == ("", "")  # Ansible's warnings are not sprayed


def test_a_missing_vault_password_file_is_one_sentence(place: Place) -> None:
    place.put("hosts.yml", ONE)
    with pytest.raises(InventoryError, match="nowhere"):
        place.load(vault_password_files=["nowhere"])
