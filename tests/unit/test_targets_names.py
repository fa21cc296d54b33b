"""What a target may be called, what its resources are called, and what is written about it."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from kijun.cli import build_app
from kijun.targets import TargetError, keys, naming, store, tools
from kijun.targets.naming import Realm
from kijun.targets.store import Journal

LINK_LENGTH = 15  # IFNAMSIZ - 1


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIJUN_STATE_DIR", str(tmp_path / "state"))


def journal(name: str = "web1", **changes: object) -> Journal:
    values: dict[str, object] = {
        "backend": "nspawn",
        "release": "bookworm",
        "token": "t",
        "address": "10.9.8.7",
        "pins": ("ssh-ed25519 AAAA",),
        "ready": True,
    }
    return Journal(name, **{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a", "web1", "db-2", "0", "x" * 63])
def test_a_host_name_may_name_a_target(name: str) -> None:
    assert naming.checked(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        "../x",
        "a/b",
        ".",
        "..",
        "UP",
        "x" * 64,
        "x" * 70,
        "-a",
        "a-",
        "a_b",
        "a.b",
        "基準",
        "a\n",
        "a\0",
        "--all",
    ],
)
def test_anything_else_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(TargetError, match=r"cannot name a target: use .*\.$") as refused:
        naming.checked(name)
    assert refused.value.exit_code == 3
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["all", "ungrouped", "targets", "localhost"])
def test_a_name_that_ansible_gives_another_meaning_is_refused(name: str) -> None:
    with pytest.raises(TargetError, match="something else in an Ansible inventory"):
        naming.checked(name)


@given(st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z"), st.text("abc/.", min_size=1))
def test_every_resource_name_fits_and_belongs_to_its_realm(name: str, state: str) -> None:
    realm = Realm.of(Path("/") / state)
    assert len(f"vb-{realm.machine(name)}") <= LINK_LENGTH
    assert len(realm.tap(name)) <= LINK_LENGTH
    assert len(realm.bridge) <= LINK_LENGTH
    assert f"vb-{realm.machine(name)}".startswith(realm.link_prefixes)
    assert realm.tap(name).startswith(realm.link_prefixes)
    assert realm.cgroup(name).startswith(realm.cgroup_prefix)


def test_two_state_directories_share_no_name() -> None:
    one, other = Realm.of(Path("/srv/one")), Realm.of(Path("/srv/other"))
    assert not {one.bridge, one.nft_table, one.machine("a")} & {
        other.bridge,
        other.nft_table,
        other.machine("a"),
    }


def test_the_journal_comes_back_as_written() -> None:
    store.claim(journal())
    assert store.read("web1") == journal()
    assert (store.target_dir("web1") / store.JOURNAL).stat().st_mode & 0o777 == 0o600
    with pytest.raises(TargetError, match="exists already"):
        store.claim(journal())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=200),
        st.integers(0, 300).map(lambda n: json.dumps({"name": "web1", "pins": ["x" * n]}).encode()[:n]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(list(Journal.__slots__)) | st.text(max_size=4), inner, max_size=9
                )
            ),
        ).map(lambda value: json.dumps(value).encode()),
    )
)
def test_whatever_a_journal_holds_it_is_read_or_is_none(content: bytes) -> None:
    store.target_dir("web1").mkdir(exist_ok=True)
    (store.target_dir("web1") / store.JOURNAL).write_bytes(content)
    found = store.read("web1")
    assert found is None or found.name == "web1"
    store.publish()


def test_ansible_reads_the_inventory_and_the_pinned_host_keys(tmp_path: Path) -> None:
    known = [journal(), journal("vm1", backend="qemu", address="127.0.0.1", port=40022)]
    key, pins = tmp_path / "a b" / "id_ed25519", tmp_path / "a b" / "known_hosts"
    loaded = yaml.safe_load(store.inventory_text(known, key, pins))
    assert list(loaded) == ["targets"]
    vm1 = loaded["targets"]["hosts"]["vm1"]
    assert (vm1["ansible_host"], vm1["ansible_port"], vm1["ansible_user"]) == ("127.0.0.1", 40022, "root")
    assert vm1["ansible_ssh_private_key_file"] == str(key)
    options = shlex.split(vm1["ansible_ssh_common_args"])
    assert f'UserKnownHostsFile="{pins}"' in options  # ssh splits this value at spaces unless quoted
    assert "StrictHostKeyChecking=yes" in options
    assert store.known_hosts_text(known) == "10.9.8.7 ssh-ed25519 AAAA\n[127.0.0.1]:40022 ssh-ed25519 AAAA\n"


def test_only_targets_that_answered_are_in_the_inventory_but_all_are_pinned() -> None:
    store.claim(journal("young", ready=False, address="10.9.8.8"))
    store.claim(journal("bare", ready=False, address="", pins=()))
    store.claim(journal("grown"))
    store.publish()
    inventory = yaml.safe_load((store.folder() / store.INVENTORY).read_text())
    assert list(inventory["targets"]["hosts"]) == ["grown"]
    pinned = (store.folder() / store.KNOWN_HOSTS).read_text().splitlines()
    assert [line.split()[0] for line in pinned] == ["10.9.8.7", "10.9.8.8"]


def test_a_file_is_replaced_whole_and_closed_to_others() -> None:
    path = store.folder() / "inventory.yml"
    path.write_text("old")
    path.chmod(0o644)
    store.replace(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in store.folder().iterdir()] == ["inventory.yml"]


def test_the_client_key_is_made_once_and_mended_when_half_is_lost() -> None:
    key = keys.client_key(store.folder())
    first = key.read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
    assert keys.client_key(store.folder()).read_bytes() == first
    key.with_suffix(".pub").unlink()
    assert keys.client_key(store.folder()).read_bytes() != first
    assert key.with_suffix(".pub").exists()


def test_host_keys_of_every_kind_and_no_copy_left(tmp_path: Path) -> None:
    made = keys.host_keys("web1", tmp_path)
    assert [key.kind for key in made] == list(keys.HOST_KEY_TYPES)
    assert {key.pin.split()[0] for key in made} == {"ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"}
    assert not list(tmp_path.iterdir())


def test_missing_tools_are_named_with_the_command_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "search_path", lambda: "/nonexistent")
    with pytest.raises(TargetError) as refused:
        tools.require(["nft", "ip", "systemd-nspawn"])
    packages = "iproute2 nftables systemd-container"
    sentence = f"ip, nft, systemd-nspawn not found: run `apt-get install {packages}` as root."
    assert str(refused.value) == sentence


def test_a_failing_tool_is_one_sentence() -> None:
    with pytest.raises(TargetError, match=r"^`ls .*` failed: .*No such file or directory\.$"):
        tools.run(["ls", "/nonexistent/folder"])


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["up", "../x"], "cannot name a target"),
        (["up", "a", "--release", "sarge"], "no release 'sarge'"),
        (["up", "a", "--backend", "lxc"], "no backend 'lxc'"),
        (["down", "A B"], "cannot name a target"),
        (["ssh", "nobody"], "there is no target nobody"),
        (["down"], "or --all"),
        (["down", "a", "--all"], "or --all"),
    ],
)
def test_the_command_line_refuses_in_one_sentence(argv: list[str], sentence: str) -> None:
    result = CliRunner().invoke(build_app(), ["target", *argv])
    assert isinstance(result.exception, TargetError)
    assert sentence in str(result.exception)
    assert result.exception.exit_code == 3


def test_only_root_makes_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = CliRunner().invoke(build_app(), ["target", "up", "web1"])
    assert "needs root" in str(result.exception)
    assert "sudo" in str(result.exception)
    assert not store.names()


def test_nothing_to_list_and_nothing_to_remove() -> None:
    assert CliRunner().invoke(build_app(), ["target", "list"]).stdout.split() == [
        *("NAME", "STATE", "BACKEND", "RELEASE", "ADDRESS", "PORT")
    ]
    result = CliRunner().invoke(build_app(), ["target", "down", "nobody"])
    assert (result.exit_code, result.stdout) == (0, "there is no target nobody; nothing to do.\n")
