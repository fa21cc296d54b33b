"""The program that a host keeps: what was recorded comes back, also when the putting back is killed."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

FILES = Path(__file__).resolve().parents[2] / "roles/change_guard/files"
sys.path.insert(0, str(FILES))
try:
    entries, snapshots, system, switch, showing = (
        importlib.import_module(f"kijun_guard.{name}")
        for name in ("entries", "snapshots", "system", "switch", "showing")
    )
finally:
    sys.path.remove(str(FILES))
RUN, LATER = "20261125-101500-4242", "20261125-101900-4300"


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A host below a folder: no command of it does anything, its journal is a list."""
    said: list[str] = []
    (tmp_path / "units").mkdir()
    monkeypatch.setattr(system, "UNITS", f"{tmp_path}/units/")
    monkeypatch.setattr(system, "run", lambda *argv, **_: subprocess.CompletedProcess(argv, 0, "", ""))
    monkeypatch.setattr(system, "own_connection", lambda: "192.0.2.1 40000 192.0.2.9 22")
    monkeypatch.setattr(system, "is_alive", lambda _connection: False)
    monkeypatch.setattr(switch, "ROOT", f"{tmp_path}/guard")
    monkeypatch.setattr(switch, "THIS_BOOT", f"{tmp_path}/boot.json")
    monkeypatch.setattr(switch, "LOCK", f"{tmp_path}/lock")
    monkeypatch.setattr(switch, "say", said.append)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/kept").write_text("before\n")
    return tmp_path, said


def order(host, run=RUN, **more):
    files = more.pop("files", [f"{host[0]}/etc/"])
    return {
        **{"run": run, "touches": {"files": files}, "topics": ["doors"], "minutes": 10.0, "keep": 2},
        **{"controller": f"control {run}", "others": [], "local": False, **more},
    }


def tree(folder: Path) -> dict[str, object]:
    return {str(path): entries.record(str(path)) for path in sorted(folder.rglob("*"))}


def change(host):
    (host[0] / "etc/kept").write_text("after\n")
    (host[0] / "etc/kept").chmod(0o600)
    (host[0] / "etc/new/deep").mkdir(parents=True)
    (host[0] / "etc/new/deep/file").write_text("new\n")
    (host[0] / "etc/link").symlink_to("kept")


NAMES = st.sampled_from(["a", "b", "a/c", "a/d", "b/c"])
STATES = st.dictionaries(
    NAMES, st.one_of(st.just("folder"), st.binary(max_size=5), st.just("link")), max_size=5
)


def build(root: Path, state: dict[str, object]) -> None:
    root.mkdir()
    for name, what in sorted(state.items()):
        path = root / name
        if any(parent != root and not parent.is_dir() for parent in path.parents if root in parent.parents):
            path.parent.is_symlink() or path.parent.exists() or path.parent.mkdir()
        if path.parent.is_symlink() or not path.parent.is_dir():
            continue
        if what == "folder":
            path.mkdir(mode=0o750)
        elif what == "link":
            path.symlink_to("nowhere")
        else:
            path.write_bytes(what)
            path.chmod(0o640)


@given(before=STATES, after=STATES, killed_at=st.integers(0, 6))
def test_whatever_became_of_a_tree_it_comes_back_also_when_killed(tmp_path_factory, before, after, killed_at):
    root = tmp_path_factory.mktemp("tree") / "etc"
    build(root, before)
    was = tree(root)
    snapshot = {"touches": {"files": [f"{root}/"]}, "modes": {}, "units": {}, "tables": {}, "packages": {}}
    snapshot["files"] = {path: entries.record(path) for path in entries.expand([f"{root}/"])}
    shutil.rmtree(root)
    build(root, after)
    real, count = entries.put_back, 0

    def fragile(path, entry):
        nonlocal count
        count += 1
        if count == killed_at:
            raise KeyboardInterrupt
        real(path, entry)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(system, "run", lambda *argv, **_: subprocess.CompletedProcess(argv, 0, "", ""))
        patch.setattr(entries, "put_back", fragile)
        try:
            snapshots.restore(snapshot, "/nowhere")
        except KeyboardInterrupt:
            snapshots.restore(snapshot, "/nowhere")
    assert tree(root) == was


def test_attributes_come_back(tmp_path):
    path = tmp_path / "file"
    path.write_text("same")
    os.setxattr(path, "user.kijun", b"kept")
    entry = entries.record(str(path))
    os.removexattr(path, "user.kijun")
    os.setxattr(path, "user.other", b"new")
    assert entries.differs(str(path), entry)
    entries.put_back(str(path), entry)
    assert not entries.differs(str(path), entry)


def test_what_a_killed_writer_left_beside_is_no_obstacle(tmp_path):
    path = tmp_path / "file"
    path.write_text("before")
    entry = entries.record(str(path))
    path.write_text("after")
    (tmp_path / ".file.kijun-guard").write_text("half")
    entries.put_back(str(path), entry)
    assert path.read_text() == "before"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_file_behind_a_link_is_kept_too(tmp_path):
    (tmp_path / "real").write_text("before")
    (tmp_path / "link").symlink_to("real")
    assert f"{tmp_path}/real" in entries.expand([f"{tmp_path}/link"])


def test_a_profile_is_there_before_its_stack_and_goes_after_it():
    absent, file = {"kind": "absent"}, {"kind": "file"}
    items = [
        ("/usr/share/pam-configs/new", absent),
        ("/etc/pam.d/common-auth", file),
        ("/usr/share/pam-configs/old", file),
        ("/etc/security/faillock.conf", absent),
    ]
    assert [path for path, _ in sorted(items, key=snapshots._order)] == [
        "/usr/share/pam-configs/old",
        "/etc/pam.d/common-auth",
        "/etc/security/faillock.conf",
        "/usr/share/pam-configs/new",
    ]


def test_a_confirmed_run_stays_and_can_be_listed(host, monkeypatch):
    switch.arm(order(host))
    assert (host[0] / "units/sysinit.target.wants/kijun-guard-boot.service").is_symlink()
    change(host)
    monkeypatch.setattr(system, "own_connection", lambda: "192.0.2.1 40001 192.0.2.9 22")
    answer = switch.confirm(order(host))
    assert answer["kept"]
    assert f"{host[0]}/etc/kept" in answer["paths"]
    assert [row["outcome"] for row in switch.listing()] == ["confirmed"]
    assert not switch.armed()
    assert not [path for path in (host[0] / "units").rglob("*") if not path.is_dir()]


def test_of_a_run_that_changed_nothing_nothing_is_left(host, monkeypatch):
    switch.arm(order(host))
    monkeypatch.setattr(system, "own_connection", lambda: "192.0.2.1 40001 192.0.2.9 22")
    assert not switch.confirm(order(host))["kept"]
    left = [path.name for path in host[0].rglob("*") if not path.is_dir()]
    assert left == ["kept"]
    assert not Path(switch.ROOT).exists()


def test_the_connection_that_the_run_began_with_confirms_nothing(host):
    switch.arm(order(host))
    change(host)
    with pytest.raises(entries.GuardError, match="nothing shows that a new login works"):
        switch.confirm(order(host))
    assert switch.armed()["phase"] == "armed"


def test_a_run_on_the_host_itself_lives_as_its_process_does():
    began = system.started(str(os.getpid()))
    assert system.is_alive(f"local control {os.getpid()} {began}")
    assert not system.is_alive(f"local control {os.getpid()} 1")
    assert not system.is_alive("local control 4194305 ")


def test_a_local_run_is_confirmed_over_the_login_it_began_with(host):
    switch.arm(order(host, local=True))
    change(host)
    assert switch.confirm(order(host, local=True))["kept"]


MINUTES = 60.0


@pytest.mark.parametrize(
    ("minutes", "alive", "rebooted", "reverted"),
    [
        (9, False, False, False),
        (11, False, False, True),
        (11, True, False, False),  # slow, but at work
        (60 * 3, True, False, False),
        (60 * 4 + 1, True, False, True),
        (0, True, True, True),
    ],
)
def test_when_the_host_puts_itself_back(host, monkeypatch, minutes, alive, rebooted, reverted):
    before = tree(host[0] / "etc")
    monkeypatch.setattr(system, "now", lambda: 1000.0)
    switch.arm(order(host))
    change(host)
    changed = tree(host[0] / "etc")
    monkeypatch.setattr(system, "now", lambda: 1000.0 + minutes * MINUTES)
    monkeypatch.setattr(system, "is_alive", lambda _connection: alive)
    if rebooted:
        Path(switch.THIS_BOOT).unlink()
    switch.expire()
    assert tree(host[0] / "etc") == (before if reverted else changed)
    assert bool(switch.armed()) is not reverted
    assert any("put itself back to before run" in line for line in host[1]) is reverted
    if reverted:
        with pytest.raises(entries.GuardError, match="has put itself back to before this run"):
            switch.confirm(order(host))


def test_a_slow_run_is_said_once(host, monkeypatch):
    switch.arm(order(host))
    monkeypatch.setattr(system, "now", lambda: 1e9)
    monkeypatch.setattr(switch, "LONGEST", 1e12)
    monkeypatch.setattr(system, "is_alive", lambda _connection: True)
    switch.write(switch.THIS_BOOT, {"deadline": 0.0, "last": 1e12})
    for _ in range(3):
        switch.expire()
    assert len(host[1]) == 1


def test_a_clock_that_jumps_changes_nothing(host, monkeypatch):
    switch.arm(order(host))
    change(host)
    monkeypatch.setattr(switch.time, "time", lambda: 4e9)
    switch.expire()
    assert switch.armed()


def test_a_run_that_was_killed_is_taken_over_with_its_beginning(host, monkeypatch):
    before = tree(host[0] / "etc")
    switch.arm(order(host))
    change(host)
    (host[0] / "other").write_text("of the second run's topic\n")
    answer = switch.arm(order(host, LATER, files=[f"{host[0]}/etc/", f"{host[0]}/other"], topics=["attic"]))
    assert answer["took_over"] == RUN
    (host[0] / "other").write_text("changed\n")
    (host[0] / "etc/late").write_text("by the second\n")
    with pytest.raises(entries.GuardError, match=f"run {LATER} has taken this host over"):
        switch.confirm(order(host))
    monkeypatch.setattr(system, "now", lambda: 1e9)
    switch.expire()
    assert tree(host[0] / "etc") == before
    assert (host[0] / "other").read_text() == "of the second run's topic\n"
    (row,) = switch.listing()
    assert (row["runs"], row["topics"]) == ([RUN, LATER], ["attic", "doors"])


@pytest.mark.parametrize("same_node", [True, False])
def test_a_run_that_is_at_work_is_left_alone(host, monkeypatch, same_node):
    switch.arm(order(host))
    if not same_node:
        monkeypatch.setattr(system, "own_connection", lambda: "192.0.2.77 4 192.0.2.9 22")
        monkeypatch.setattr(system, "is_alive", lambda connection: connection.startswith("192.0.2.1 "))
    others = [f"control {RUN}"] if same_node else []
    with pytest.raises(entries.GuardError, match=r"is changing this host at this moment; wait until"):
        switch.arm(order(host, LATER, others=others))
    assert switch.armed()["run"] == RUN


def test_what_a_killed_putting_back_began_is_brought_to_its_end_first(host):
    before = tree(host[0] / "etc")
    switch.arm(order(host))
    change(host)
    switch.write(f"{switch.ROOT}/armed.json", {**switch.armed(), "phase": "reverting"})
    assert switch.arm(order(host, LATER))["took_over"] == ""
    assert tree(host[0] / "etc") == before
    assert [row["outcome"] for row in switch.listing()] == ["put itself back", "not confirmed yet"]


def test_a_file_that_cannot_be_put_back_is_said_once_and_tried_again(host, monkeypatch):
    switch.arm(order(host))
    change(host)
    monkeypatch.setattr(system, "now", lambda: 1e9)
    real = entries.put_back

    def refuse(path, entry):
        if path.endswith("/kept"):
            raise PermissionError(1, "Operation not permitted")
        real(path, entry)

    monkeypatch.setattr(entries, "put_back", refuse)
    for _ in range(2):
        with pytest.raises(entries.GuardError, match="kept: Operation not permitted"):
            switch.expire()
    assert len(host[1]) == 1
    assert not (host[0] / "etc/new").exists()
    monkeypatch.setattr(entries, "put_back", real)
    switch.expire()
    assert (host[0] / "etc/kept").read_text() == "before\n"
    assert not switch.armed()


def test_the_oldest_snapshots_go(host, monkeypatch):
    for number in range(4):
        run = f"20261125-10150{number}-1"
        monkeypatch.setattr(system, "own_connection", lambda: "192.0.2.1 1 192.0.2.9 22")
        switch.arm(order(host, run))
        (host[0] / "etc/kept").write_text(run)
        monkeypatch.setattr(system, "own_connection", lambda: "192.0.2.1 2 192.0.2.9 22")
        switch.confirm(order(host, run))
    assert [row["run"][14] for row in switch.listing()] == ["2", "3"]


def test_a_run_is_rolled_back_under_a_switch_of_its_own(host, monkeypatch):
    before = tree(host[0] / "etc")
    switch.arm(order(host))
    change(host)
    monkeypatch.setattr(system, "own_connection", lambda: "192.0.2.1 2 192.0.2.9 22")
    switch.confirm(order(host))
    with pytest.raises(entries.GuardError, match="nothing is armed"):
        showing.restore({"run": LATER, "source": RUN})
    changed = tree(host[0] / "etc")
    switch.arm(order(host, LATER))
    assert showing.restore({"run": LATER, "source": RUN})["paths"]
    assert tree(host[0] / "etc") == before
    monkeypatch.setattr(system, "now", lambda: 1e9)
    switch.expire()  # nobody could log in after it
    assert tree(host[0] / "etc") == changed


# What ss of Debian 12 said.
SS = "\n".join(
    f"0      0      {local}   {peer} \n\t cubic wscale:7,7 rto:204 {rest}"
    for local, peer, rest in (
        ("10.233.132.103:22", "10.233.132.1:45162", "lastsnd:36 lastrcv:40 lastack:36"),
        ("[::ffff:10.0.0.5]:22", "[::ffff:10.0.0.7]:45163", "lastsnd:9 lastrcv:61200 lastack:9"),
        ("[fd6b::2]:22", "[fd6b::1]:45164", "minrtt:0.02"),
    )
)


def test_how_long_a_peer_is_silent():
    assert system.peers(SS) == [("10.233.132.1", 0.04), ("10.0.0.7", 61.2), ("fd6b::1", 0.0)]


@given(st.text(max_size=200))
def test_nothing_that_ss_may_say_is_an_exception(said):
    system.peers(said)
