"""The parts that targets are made of, each without booting anything."""

from __future__ import annotations

import dataclasses
import io
import ipaddress
import random
import stat
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.targets import TargetError, cgroups, images, network, nspawn, qemu, recipes, seed, settings
from kijun.targets.cgroups import Group
from kijun.targets.keys import HostKey
from kijun.targets.network import Network
from kijun.targets.plans import Plan
from kijun.targets.recipes import Recipe, recipe

HOST_KEY = HostKey("ed25519", b"PRIVATE", b"ssh-ed25519 AAAA root@web1\n")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIJUN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("KIJUN_TARGET_MIRROR", raising=False)


# --- recipes and images


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(Recipe)])
def test_a_recipe_that_differs_in_anything_is_another_image(field: str) -> None:
    made = recipe("bookworm", "nspawn")
    value = getattr(made, field)
    changed = dataclasses.replace(made, **{field: value + (("x",) if isinstance(value, tuple) else "x")})
    assert changed.key != made.key
    assert recipe("bookworm", "nspawn").key == made.key


def test_no_recipe_names_a_mirror_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for release in recipes.RELEASES:
        argv = recipe(release, "nspawn").argv("/x")
        assert "://" not in " ".join(argv)
        assert argv[-2:] == [release, "/x"]
    monkeypatch.setenv("KIJUN_TARGET_MIRROR", "http://mirror.example/debian")
    assert recipe("bookworm", "nspawn").argv("/x")[-1] == "http://mirror.example/debian"


def test_only_a_machine_has_a_kernel() -> None:
    assert "linux-image-amd64" in recipe("trixie", "qemu").packages
    assert "linux-image-amd64" not in recipe("trixie", "nspawn").packages


def _fake_bootstrap(monkeypatch: pytest.MonkeyPatch, fail: bool = False) -> list[str]:
    built: list[str] = []

    def bootstrap(made: Recipe, partial: Path) -> None:
        (partial / "rootfs").mkdir()
        time.sleep(0.1)  # long enough for every other caller to find no image yet
        built.append(made.key)
        if fail:
            raise TargetError("no mirror answers.")

    monkeypatch.setattr(images, "_bootstrap", bootstrap)
    monkeypatch.setattr(images, "require", lambda _tools: None)
    return built


def test_two_at_once_build_an_image_once(monkeypatch: pytest.MonkeyPatch) -> None:
    built = _fake_bootstrap(monkeypatch)
    made, found = recipe("bookworm", "nspawn"), []
    threads = [
        threading.Thread(target=lambda: found.append(images.ensure(made, lambda _t: None))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built == [made.key]
    assert set(found) == {images.folder() / made.key}
    assert (images.folder() / made.key / "rootfs").is_dir()
    assert images.folder().stat().st_mode & 0o777 == 0o700


def test_a_build_that_fails_leaves_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_bootstrap(monkeypatch, fail=True)
    with pytest.raises(TargetError, match="no mirror answers"):
        images.ensure(recipe("bookworm", "nspawn"), lambda _t: None)
    assert [p.suffix for p in images.folder().iterdir()] == [".lock"]


def test_what_a_killed_build_left_is_swept_and_built_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    made = recipe("bookworm", "nspawn")
    left = images.folder() / f"{made.key}.partial"
    (left / "rootfs" / "usr").mkdir(parents=True)
    assert images.sweep() == [left.name]
    assert not left.exists()
    (left / "rootfs" / "usr").mkdir(parents=True)
    _fake_bootstrap(monkeypatch)
    assert not (images.ensure(made, lambda _t: None) / "rootfs" / "usr").exists()


def test_a_build_under_way_is_not_swept() -> None:
    made = recipe("bookworm", "nspawn")
    (images.folder() / f"{made.key}.partial").mkdir()
    with images._building(made.key):
        assert images.sweep() == []
    assert images.sweep() == [f"{made.key}.partial"]


def test_nothing_is_swept_where_nothing_was_cached() -> None:
    assert images.sweep() == []


# --- the seed


def _entries() -> list[seed.Entry]:
    links = nspawn.links("10.9.8.7", 24, "10.9.8.1")
    return seed.entries("web1", b"ssh-ed25519 KEY\n", [HOST_KEY], links, ["192.0.2.53"])


def test_the_seed_holds_identity_keys_and_network_with_the_right_owners() -> None:
    with tarfile.open(fileobj=io.BytesIO(seed.archive(_entries()))) as tar:
        found = {m.name: (oct(m.mode), m.uid, m.gid) for m in tar.getmembers()}

        def content(name: str) -> str:
            opened = tar.extractfile(name)
            assert opened is not None
            return opened.read().decode()

        assert content("etc/hostname") == "web1\n"
        assert "\tweb1\n" in content("etc/hosts")  # sudo looks its own host up
        assert content("etc/resolv.conf") == "nameserver 192.0.2.53\n"
        assert len(content("etc/machine-id")) == 33
        assert "Gateway=10.9.8.1" in content("etc/systemd/network/10-target.network")
    assert found["etc/ssh/ssh_host_ed25519_key"] == ("0o600", 0, 0)
    assert found["root/.ssh/authorized_keys"] == ("0o600", 0, 0)
    assert found["home/operator/.ssh"] == ("0o700", 1000, 100)
    assert found["home/operator/.ssh/authorized_keys"] == ("0o600", 1000, 100)


def test_every_target_has_an_identity_of_its_own() -> None:
    ids = {next(e.content for e in _entries() if e.path == "etc/machine-id") for _ in range(5)}
    assert len(ids) == 5


def _members(archive: bytes) -> dict[str, tuple[int, bytes]]:
    """Read a cpio archive in the new ASCII format: eight hexadecimal digits a field (cpio(5))."""
    found, at = {}, 0
    while True:
        assert archive[at : at + 6] == b"070701"
        fields = [int(archive[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = archive[at + 110 : at + 110 + name_size - 1].decode()
        at = -(-(at + 110 + name_size) // 4) * 4
        if name == "TRAILER!!!":
            assert at == len(archive)
            return found
        found[name] = (mode, archive[at : at + size])
        at = -(-(at + size) // 4) * 4


@given(st.binary(max_size=20))
def test_the_initramfs_plants_the_seed_before_init_starts(data: bytes) -> None:
    members = _members(seed.initramfs(data))
    assert members["kijun-seed.tar"] == (stat.S_IFREG | 0o600, data)
    assert members["scripts/local-bottom"] == (stat.S_IFDIR | 0o755, b"")
    assert members["scripts/local-bottom/ORDER"][1] == b'/scripts/local-bottom/kijun-seed "$@"\n'
    assert members["scripts/local-bottom/kijun-seed"][0] == stat.S_IFREG | 0o755


def test_the_script_in_the_initramfs_acts_once(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_bytes(_members(seed.initramfs(b""))["scripts/local-bottom/kijun-seed"][1])
    assert subprocess.run(["sh", str(script), "prereqs"], check=False).returncode == 0
    (tmp_path / "var/lib/misc").mkdir(parents=True)
    (tmp_path / "var/lib/misc/kijun-seeded").touch()
    environment = {"rootmnt": str(tmp_path), "PATH": "/nonexistent"}
    assert subprocess.run(["/bin/sh", str(script)], env=environment, check=False).returncode == 0
    (tmp_path / "var/lib/misc/kijun-seeded").unlink()
    assert subprocess.run(["/bin/sh", str(script)], env=environment, check=False).returncode != 0


# --- the network


@given(
    st.lists(
        st.tuples(st.integers(0, 2**32 - 1), st.integers(9, 32)).map(
            lambda pair: ipaddress.IPv4Network(pair, strict=False)
        ),
        max_size=30,
    ),
    st.text("0123456789abcdef", min_size=5, max_size=5),
)
def test_the_subnet_overlaps_nothing_in_use(in_use: list[ipaddress.IPv4Network], tag: str) -> None:
    chosen = network.free_subnet(in_use, tag)
    assert not any(chosen.overlaps(net) for net in in_use)
    assert chosen.is_private
    assert network.free_subnet(in_use, tag) == chosen


def test_no_subnet_left_is_said() -> None:
    with pytest.raises(TargetError, match="no free"):
        network.free_subnet([ipaddress.IPv4Network("10.0.0.0/8")], "abcde")


def test_addresses_are_given_once_until_none_is_left() -> None:
    net = Network("kj-x", ipaddress.IPv4Network("10.9.8.0/24"))
    used: list[str] = []
    for _ in range(240):
        used.append(net.pick(used, random.Random(1)))
    assert len(set(used)) == 240
    assert net.gateway not in used
    with pytest.raises(TargetError, match="are in use"):
        net.pick(used, random.Random(1))


@pytest.mark.parametrize(
    ("text", "usable"),
    [
        ("nameserver 192.0.2.53\nsearch example\n", ["192.0.2.53"]),
        ("# none\nnameserver 127.0.0.53\noptions edns0\n", []),
        ("nameserver ::1\nnameserver fe80::1%eth0\nnameserver 192.0.2.1\n", ["fe80::1%eth0", "192.0.2.1"]),
        ("nameserver\nnameserver nonsense\n\xff", []),
        ("", []),
    ],
)
def test_a_resolver_on_a_loopback_is_no_resolver_for_a_target(
    tmp_path: Path, text: str, usable: list[str]
) -> None:
    conf = tmp_path / "resolv.conf"
    conf.write_text(text, encoding="latin-1")
    assert network.nameservers([tmp_path / "missing", conf]) == usable


def test_the_stub_resolver_is_passed_over_for_the_one_behind_it(tmp_path: Path) -> None:
    (tmp_path / "stub").write_text("nameserver 127.0.0.53\n")
    (tmp_path / "real").write_text("nameserver 192.0.2.7\n")
    assert network.nameservers([tmp_path / "stub", tmp_path / "real"]) == ["192.0.2.7"]


# --- control groups and kernel settings


@pytest.mark.parametrize(
    ("present", "roots"),
    [(["."], ["."]), (["unified", "systemd"], ["unified", "systemd"]), (["systemd"], ["systemd"])],
)
def test_both_layouts_of_control_groups(tmp_path: Path, present: list[str], roots: list[str]) -> None:
    for part in present:
        (tmp_path / part).mkdir(exist_ok=True)
        (tmp_path / part / "cgroup.procs").touch()
    assert cgroups.hierarchies(tmp_path) == [tmp_path / root for root in roots]
    group = Group("kijun-k1/machine", tmp_path)
    group.make()
    assert all((tmp_path / root / "kijun-k1/machine").is_dir() for root in roots)
    assert [g.name for g in cgroups.named("kijun-k", tmp_path)] == ["kijun-k1"]
    (tmp_path / roots[0] / "kijun-k1/machine/cgroup.procs").write_text("0\n1234567\n")
    assert Group("kijun-k1", tmp_path).pids() == {1234567}  # 0 is a process of another namespace
    (tmp_path / roots[0] / "kijun-k1/machine/cgroup.procs").unlink()
    Group("kijun-k1", tmp_path).remove()
    assert cgroups.named("kijun-k", tmp_path) == []
    Group("kijun-k1", tmp_path).remove()  # gone already: fine


def test_no_control_groups_is_said(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="no control group hierarchy"):
        cgroups.hierarchies(tmp_path)


def _proc_sys(tmp_path: Path, forward: int, instances: int) -> Path:
    for key, value in {"net/ipv4/ip_forward": forward, "fs/inotify/max_user_instances": instances}.items():
        (tmp_path / "sys" / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sys" / key).write_text(f"{value}\n")
    return tmp_path / "sys"


def _values(proc_sys: Path) -> list[int]:
    return [int((proc_sys / key).read_text()) for key in settings.AT_LEAST]


def test_settings_are_raised_and_put_back_when_nobody_needs_them(tmp_path: Path) -> None:
    proc_sys, run = _proc_sys(tmp_path, 0, 128), tmp_path / "run"
    settings.restore(lambda: False, proc_sys, run)  # nothing noted, nothing done
    settings.ensure(proc_sys, run)
    settings.ensure(proc_sys, run)
    assert _values(proc_sys) == [1, 2048]
    settings.restore(lambda: True, proc_sys, run)
    assert _values(proc_sys) == [1, 2048]
    settings.restore(lambda: False, proc_sys, run)
    assert _values(proc_sys) == [0, 128]


def test_settings_of_someone_else_are_left_alone(tmp_path: Path) -> None:
    proc_sys, run = _proc_sys(tmp_path, 1, 128), tmp_path / "run"
    settings.ensure(proc_sys, run)
    (proc_sys / "fs/inotify/max_user_instances").write_text("9999\n")  # changed meanwhile
    settings.restore(lambda: False, proc_sys, run)
    assert _values(proc_sys) == [1, 9999]


@pytest.mark.parametrize("note", [b"", b'{"net/ipv4/ip_fo', b"[]", b'{"kernel/panic": 1}', b"\xff"])
def test_a_damaged_note_restores_nothing(tmp_path: Path, note: bytes) -> None:
    proc_sys, run = _proc_sys(tmp_path, 1, 2048), tmp_path / "run"
    run.mkdir()
    (run / "settings.json").write_bytes(note)
    settings.restore(lambda: False, proc_sys, run)
    assert _values(proc_sys) == [1, 2048]


# --- supervisor and virtual machine


def test_a_supervisor_whose_starter_died_does_nothing(tmp_path: Path) -> None:
    whole = Plan("nspawn", "a", str(tmp_path), "/image", "kijun-x", ("true",)).dumps()
    for part in ("", whole[:30]):
        done = subprocess.run(
            [sys.executable, "-c", "from kijun.targets.supervisor import main; main()"],
            input=part,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.startswith("the command that started this supervisor ended")
    assert not list(tmp_path.iterdir())
    assert Plan.loads(whole).argv == ("true",)


SHUTDOWN = (
    '{"timestamp": {"seconds": 1795560507, "microseconds": 305988}, '
    '"event": "SHUTDOWN", "data": {"guest": true, "reason": "%s"}}\n'
)


@pytest.mark.parametrize(
    ("said", "reboot"),
    [
        ("", False),
        ('{"QMP": {"version": {}}}\n' + SHUTDOWN % "guest-reset", True),
        (SHUTDOWN % "guest-shutdown", False),
        (SHUTDOWN % "guest-reset" + SHUTDOWN % "guest-shutdown", False),
        (SHUTDOWN % "host-signal", False),
    ],
)
def test_a_reboot_is_told_from_a_shutdown(tmp_path: Path, said: str, reboot: bool) -> None:
    (tmp_path / qemu.MONITOR_LOG).write_text(said)
    assert qemu.rebooted(tmp_path) is reboot


def test_a_machine_listens_on_loopback_alone_and_keeps_its_addresses() -> None:
    argv = qemu.argv("k1", Path("/image"), 40022, "tp-k1", "tcg")
    assert "user,id=n0,hostfwd=tcp:127.0.0.1:40022-:22,ipv6=off" in argv
    assert "tap,id=n1,ifname=tp-k1,script=no,downscript=no" in argv
    assert not any("tap" in word for word in qemu.argv("k1", Path("/image"), 40022, "", "tcg"))
    assert qemu.mac("k1", 0) == qemu.mac("k1", 0) != qemu.mac("k1", 1)
    assert qemu.mac("k1", 0).startswith("52:54:00:")


@pytest.mark.parametrize(("comes_up", "answer"), [(True, "kvm"), (False, "tcg")])
def test_kvm_is_used_after_a_probe_and_the_probe_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, comes_up: bool, answer: str
) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "kvm").touch()
    monkeypatch.setattr(qemu, "_KVM", tmp_path / "kvm")
    probes: list[Path] = []
    monkeypatch.setattr(qemu, "_kernel_comes_up", lambda image: probes.append(image) or comes_up)
    assert [qemu.accelerator(Path("/image")) for _ in range(3)] == [answer] * 3
    assert len(probes) == 1
    monkeypatch.setattr(qemu, "_KVM", tmp_path / "missing")
    assert qemu.accelerator(Path("/image")) == "tcg"


def test_a_container_is_booted_without_help_and_leaves_no_journal_folder() -> None:
    argv = nspawn.argv("web1", "k1", "kj-1")
    assert {"--boot", "--register=no", "--keep-unit", "--link-journal=no", "--settings=no"} <= set(argv)
