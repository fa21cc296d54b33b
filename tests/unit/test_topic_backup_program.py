"""What runs on a host that is backed up: what of it needs no repository, on real files and complaints."""

from __future__ import annotations

import importlib
import os
import sys
import time
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "roles/backup/files"


@pytest.fixture
def program(monkeypatch):
    """Import the program's modules as the host does."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(FOLDER))
    yield lambda name: importlib.import_module(f"kijun_backup.{name}")
    for name in [name for name in sys.modules if name.startswith("kijun_backup")]:
        del sys.modules[name]


SETS = "drill\t30\nset\tfiles\t12\npath\tfiles\t/srv/museum\nexclude\tfiles\t/srv/museum/cache\n"


def test_the_list_of_sets_is_understood(program):
    found = program("settings").load(SETS)
    assert (found["files"].hours, found["files"].paths) == (12, ["/srv/museum"])
    assert found["files"].excludes == ["/srv/museum/cache"]


@pytest.mark.parametrize(
    "line",
    ["path\tother\t/srv", "set\tUpper\t3", "set\tfiles\tx", "path\tfiles\t", "nonsense", "set\t../x\t3"],
)
def test_a_line_that_is_not_understood_is_refused(program, line):
    settings = program("settings")
    with pytest.raises(settings.BackupError):
        settings.load(SETS + line + "\n")


# What restic 0.14 and 0.18, rclone 1.60 and OpenSSH 9 and 10 really said.
@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("Fatal: wrong password or no key found", "the key does not open the repository (wrong password)"),
        (
            "rclone: 2026/11/25 ERROR : locks/3a71: Post request put error: preallocate: file too big"
            " for remaining disk space\nSave(<lock/3a71b26837>) returned error, retrying after 720.254544ms: "
            "server response unexpected: 500 Internal Server Error (500)",
            "the repository is full",
        ),
        (
            "rclone: ssh: connect to host 10.213.0.2 port 22: Connection refused",
            "the repository host does not answer",
        ),
        (
            "rclone: kijun-backup@10.213.0.2: Permission denied (publickey,keyboard-interactive).",
            "the repository host refuses the login",
        ),
        ("rclone: Host key verification failed.", "the repository host has another host key"),
        (
            "Fatal: repository does not exist: unable to open config file: <config/> does not exist\n"
            "Is there a repository at the following location?\nrclone:backup",
            "there is no repository",
        ),
        (
            "SIGQUIT: quit\nPC=0x480901 m=0 sigcode=0\n\ngoroutine 0 gp=0x1812400 m=0 mp=0x18134c0 [idle]:\n"
            "runtime.futex(0x1813600, 0x80)\n\truntime/sys_linux_amd64.s:557 +0x21 fp=0x7ffd"
            "\ncreated by golang.org/x/sync/errgroup.(*Group).Go in goroutine 29\n\n"
            "rax    0xca\nrflags 0x286\ncs     0x33\nfs     0x0\ngs     0x0\n",
            "restic failed: SIGQUIT: quit",
        ),
        (
            "Fatal: unable to open repository at rclone:x: error talking HTTP to rclone: context canceled\n",
            "restic failed: Fatal: unable to open repository at rclone:x: error talking HTTP to rclone:"
            " context canceled",
        ),
        ("", "restic failed and gave no reason"),
        ("something new\n", "restic failed: something new"),
        (
            "decrypting blob fbad failed: ciphertext verification failed\nFatal: There were 2 errors",
            "what is stored is damaged",
        ),
    ],
)
def test_complaints_are_understood(program, said, meaning):
    assert program("repository").meaning(said) == meaning


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2026-11-25T01:53:44.483544064Z", 1795571624.483544), ("2026-11-25T10:53:44+09:00", 1795571624.0)],
)
def test_times_of_snapshots_are_understood(program, text, seconds):
    assert program("repository").moment(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-25", "2026-11-25T01:53:44"])
def test_what_is_no_time_is_refused(program, text):
    with pytest.raises(ValueError, match=r".*"):
        program("repository").moment(text)


@pytest.fixture
def tree(tmp_path):
    """Files on "the host" and the same restored beside it; a function that makes a change long ago."""
    for top in ("live", "back"):
        folder = tmp_path / top / "srv/data"
        (folder / "inner").mkdir(parents=True)
        for name in ("one", "two", "inner/three"):
            (folder / name).write_text(f"content of {name}", encoding="utf-8")
            os.utime(folder / name, (1e9, 1e9))
        (folder / "link").symlink_to("one")
    return tmp_path


def compared(program, tree, later=60.0, excludes=()):
    one = program("settings").BackupSet("files", 12, ["/srv/data"], list(excludes))
    return program("comparing").compare(one, str(tree / "back"), time.time() + later, str(tree / "live"))


def test_what_is_alike_is_the_same(program, tree):
    found = compared(program, tree)
    assert (found.same, found.changed, found.different) == (6, 0, [])


def test_what_changed_since_is_counted_and_not_compared(program, tree):
    (tree / "live/srv/data/one").write_text("other", encoding="utf-8")
    found = compared(program, tree, later=-60)
    assert (found.same, found.different) == (0, [])
    assert found.changed == 6


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda back: (back / "one").write_text("content of onE", encoding="utf-8"), "other content"),
        (lambda back: (back / "one").chmod(0o600), "mode 0600 for"),
        (lambda back: os.utime(back / "one", (1e9, 1e9 + 5)), "another time of modification"),
        (lambda back: os.setxattr(back / "one", "user.x", b"y"), "extended attributes"),
        (lambda back: (back / "one").unlink(), "is not in the backup"),
        (lambda back: ((back / "link").unlink(), (back / "link").symlink_to("two")), "another target"),
        (lambda back: ((back / "link").unlink(), (back / "link").write_text("x")), "another kind of file"),
        (lambda back: (back / "more").write_text("x"), "is in the backup and not on the host"),
        (lambda back: (back / "inner").chmod(0o700), "mode 0700 for"),
    ],
)
def test_every_difference_is_noticed(program, tree, change, what):
    change(tree / "back/srv/data")
    found = compared(program, tree)
    assert any(what in line for line in found.different), found


def test_what_is_left_out_is_not_missed(program, tree):
    (tree / "back/srv/data/one").unlink()
    assert not compared(program, tree, excludes=["/srv/data/one"]).different


def test_files_are_counted_with_their_bytes(program, tree):
    sources = program("sources")
    data = str(tree / "live/srv/data")
    assert sources.amount([data], []) == sources.Amount(3, 50)
    assert sources.amount([data], [f"{data}/inner"]) == sources.Amount(2, 28)
    assert sources.amount([f"{data}/one", str(tree / "nowhere")], []) == sources.Amount(1, 14)


FSTAB = "# a comment\n/dev/sda1 / ext4 defaults 0 1\n/dev/sdb1 /srv/my\\040disk ext4 defaults 0 2\n"
FSTAB += "/dev/sdc1 /mnt/usb ext4 noauto,user 0 0\n/dev/sdd1 none swap sw 0 0\n"


def test_mount_points_are_understood(program):
    assert program("sources").mount_points(FSTAB) == {"/", "/srv/my disk"}


@pytest.mark.parametrize(
    ("paths", "points", "found"),
    [
        (["/srv/disk/a"], {"/srv/disk", "/"}, ["/srv/disk"]),
        (["/srv"], {"/srv/disk", "/var"}, ["/srv/disk"]),
        (["/srv/disks"], {"/srv/disk"}, []),
    ],
)
def test_disks_that_a_set_lies_on(program, paths, points, found):
    assert program("sources").touching(paths, points) == found


def test_a_disk_that_is_missing_is_a_problem(program, tree):
    sources, settings = program("sources"), program("settings")
    one = settings.BackupSet("files", 12, [str(tree / "live")])
    assert sources.require_present(one, []) == sources.touching(one.paths, sources.mounted_now())
    with pytest.raises(settings.BackupError, match="nothing is mounted at"):
        sources.require_present(one, [str(tree / "live/srv")])
    with pytest.raises(settings.BackupError, match="does not exist"):
        sources.require_present(settings.BackupSet("files", 12, [str(tree / "gone")]), [])
    (tree / "pointer").symlink_to("live")
    with pytest.raises(settings.BackupError, match="symbolic link"):
        sources.require_present(settings.BackupSet("files", 12, [str(tree / "pointer")]), [])


@pytest.fixture
def recorded(program, tmp_path, monkeypatch):
    """The program with a folder of its own for records."""
    monkeypatch.setattr(program("records"), "STATE", tmp_path)
    return program


def snapshot(program, age=0.0, name="files"):
    return program("repository").Snapshot("a" * 64, time.time() - age, name)


@pytest.mark.parametrize(
    ("source", "stored", "accepted", "problem"),
    [
        ((100, 1000), (100, 1000), (100, 1000), ""),
        ((100, 1000), (98, 1000), (100, 1000), ""),
        ((100, 1000), (97, 1000), (100, 1000), "the snapshot holds 97 files"),
        ((100, 1000), (100, 970), (100, 1000), "the snapshot holds 100 files with 970 bytes"),
        ((40, 1000), (40, 1000), (100, 1000), "it shrank from 100 files"),
        ((100, 400), (100, 400), (100, 1000), "it shrank from 100 files with 1000 bytes"),
    ],
)
def test_a_snapshot_is_held_against_the_source(recorded, monkeypatch, source, stored, accepted, problem):
    backing, settings = recorded("backing"), recorded("settings")
    monkeypatch.setattr(backing.repository, "content", lambda _id: stored)
    record = {
        "source": dict(zip(("files", "bytes"), source, strict=True)),
        "accepted": dict(zip(("files", "bytes"), accepted, strict=True)),
    }
    one = settings.BackupSet("files", 12, ["/srv"])
    if problem:
        with pytest.raises(settings.BackupError, match=problem):
            backing.verify(one, record, [snapshot(recorded)])
        assert record["accepted"] == dict(zip(("files", "bytes"), accepted, strict=True))
    else:
        backing.verify(one, record, [snapshot(recorded)])
        assert record["problem"] == ""


@pytest.mark.parametrize(
    ("held", "problem"),
    [([], "holds no snapshot"), ([-1000], "from the future"), ([(0, "x")], "no snapshot")],
)
def test_a_repository_without_the_set_is_a_problem(recorded, held, problem):
    backing, settings = recorded("backing"), recorded("settings")
    found = [snapshot(recorded, *(row if isinstance(row, tuple) else (row,))) for row in held]
    record = {"snapshot": {"id": "b" * 64, "time": 1.0, "files": 1, "bytes": 1}}
    with pytest.raises(settings.BackupError, match=problem):
        backing.verify(settings.BackupSet("files", 12, ["/srv"]), record, found)


def test_what_is_due(recorded):
    backing, settings, records = recorded("backing"), recorded("settings"), recorded("records")
    one = settings.BackupSet("files", 12, ["/srv"])
    assert backing.due([one]) == ["files"]
    for record, names in (
        ({"problem": "", "snapshot": {"time": time.time() - 3600}}, []),
        ({"problem": "", "snapshot": {"time": time.time() - 13 * 3600}}, ["files"]),
        ({"problem": "full", "snapshot": {"time": time.time()}}, ["files"]),
    ):
        records.write("files", record)
        assert backing.due([one]) == names


def test_a_folder_that_is_empty_all_of_a_sudden_is_a_problem(recorded, tmp_path, monkeypatch):
    backing, settings, records = recorded("backing"), recorded("settings"), recorded("records")
    monkeypatch.setattr(backing.repository, "begin", lambda: None)
    monkeypatch.setattr(backing.repository, "run", lambda _arguments: (0, "", ""))
    folders = [tmp_path / name for name in ("etc", "tickets", "new")]
    for folder in folders:
        folder.mkdir()
    one = settings.BackupSet("files", 12, [str(folder) for folder in folders])
    record: dict[str, object] = {}
    with pytest.raises(settings.BackupError, match=r"nothing in .*/tickets, .*/new"):
        backing._store(one, record, one.paths)
    (folders[0] / "one").write_text("1")
    (folders[1] / "sold").write_text("7")
    backing._store(one, record, one.paths)  # a folder that never held anything is none
    (folders[1] / "sold").unlink()
    with pytest.raises(settings.BackupError, match=r"nothing in .*/tickets any more; .*accept files$"):
        backing._store(one, record, one.paths)
    records.write("files", record | {"snapshot": {"files": 1, "bytes": 1}})
    backing.accept(one)
    backing._store(one, records.read("files"), one.paths)
