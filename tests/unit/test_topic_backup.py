"""backup on what real hosts said, and on the same with one thing changed."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.model import Status
from kijun.topics import backup
from tests.unit.backed_up import (
    BARE,
    COMMANDS,
    DATA,
    FILES,
    HOSTS,
    HOUR,
    NAMES,
    PARAMS,
    ROOT,
    failing,
    judged,
    of_host,
    texts_of,
    unknown,
)

KEPT_BYTES = r'"snapshot": {"bytes": \d+, "files": \d+'
DRILLED = r'"files": \d+, "problem": "", "same"'
PASSWORD = "0 /etc/kijun/backup/password"


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_is_backed_up_passes(host):
    verdicts = of_host(host)
    assert set(verdicts) == NAMES
    assert {v.status for v in verdicts.values()} == {Status.PASS}


def test_the_digest_is_of_the_program_that_the_role_installs():
    folder = ROOT / "roles/backup/files"
    found = hashlib.sha256()
    parts = [*sorted((folder / "kijun_backup").glob("*.py")), *sorted((folder / "kijun_backup").glob("*.sh"))]
    for path in [folder / "kijun-backup", *parts]:
        found.update(path.read_bytes())
    assert found.hexdigest() == backup.PROGRAM_SHA256


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("controls", "kind", "old", "new"),
    [
        ({"as_planned"}, "sets", "path\tfiles\t/srv/disk\n", ""),
        ({"as_planned"}, "sets", "$", "exclude\tfiles\t/srv/museum/works\n"),
        ({"as_planned"}, "sets", "set\tfiles", "set\tother\t1\nset\tfiles"),
        ({"as_planned"}, "sets", "path\tfiles\t/srv/disk", "pth\tfiles\t/srv/disk"),
        (
            {"scheduled"},
            "setup",
            r"(Id=kijun-backup@files.timer\n.*\n?.*)UnitFileState=enabled",
            r"\1UnitFileState=disabled",
        ),
        ({"scheduled"}, "setup", "OnUnitActiveUSec=12h", "OnUnitActiveUSec=4w 2d"),
        ({"scheduled"}, "setup", "OnUnitActiveUSec=12h", "OnStartupUSec=12h"),
        ({"scheduled"}, "setup", "kijun-backup run files", "true"),
        ({"complete"}, "records", '"problem": "", "ran_at"', '"problem": "the repository is full", "ran_at"'),
        ({"complete"}, "records", "mounted /srv/disk\n", ""),
        ({"complete"}, "records", "@sources\n", "@sources\nempty /srv/museum\n"),
        ({"complete"}, "records", "@sources\n", "@sources\nmissing /srv/museum\n"),
        ({"complete"}, "records", KEPT_BYTES, '"snapshot": {"bytes": 1, "files": 1'),
        ({"complete"}, "records", KEPT_BYTES, '"snapshot": {"bytes": 0, "files": 0'),
        ({"fresh", "journal"}, "records", r'"time": 1', '"time": 2'),
        ({"fresh"}, "records", r'"verified_at": \d', '"verified_at": 1e3, "x": '),
        ({"fresh", "complete"}, "records", "@record files.json", "@record gone.json"),
        ({"restorable"}, "records", "@record drill-files.json", "@record gone.json"),
        ({"restorable"}, "records", DRILLED, '"files": 1, "problem": "x", "same"'),
        ({"restorable"}, "records", DRILLED, '"files": 0, "problem": "", "same"'),
        ({"append_only"}, "records", '"answer": "refused"', '"answer": "allowed"'),
        ({"key_protected"}, "setup", f"file 600 {PASSWORD}", f"file 644 {PASSWORD}"),
        ({"key_protected"}, "setup", "600 0 /etc/kijun/backup/ssh_key", "600 7 /etc/kijun/backup/ssh_key"),
        ({"key_protected"}, "setup", "file 600 0 /etc/kijun/backup/password\n", ""),
        ({"key_protected"}, "setup", "755 0 /usr/local/sbin/", "757 0 /usr/local/sbin/"),
        ({"key_escrowed"}, "setup", "key ....", "key 0000"),
        ({"off_host"}, "setup", "ssh hostname .*", "ssh hostname 10.213.0.1"),
        ({"off_host"}, "setup", "ssh hostname .*", "ssh hostname 127.0.0.53"),
        ({"off_host"}, "setup", "stricthostkeychecking true", "stricthostkeychecking false"),
        ({"in_force"}, "setup", "program ....", "program 0000"),
        ({"in_force"}, "setup", "NeedDaemonReload=no", "NeedDaemonReload=yes"),
        ({"in_force"}, "setup", "kijun-backup rehearse", "true"),
        ({"journal"}, "subjects", "end", "postgresql 13/old\nend"),
        ({"covered"}, "subjects", "end", "share /srv/drawings\nend"),
        ({"program_copy"}, "setup", "hook .*\n", ""),
        ({"program_copy"}, "setup", "hook post-invoke=systemctl", "hook post-invoke=true systemctl"),
        ({"repository_guarded"}, "kept", " --append-only", ""),
        ({"repository_guarded"}, "kept", "password none", "password set"),
        ({"repository_guarded"}, "kept", "end", "key ssh-ed25519 … root@host\nend"),
        ({"repository_guarded"}, "kept", "file 700 kijun-backup", "file 755 kijun-backup"),
        ({"repository_guarded"}, "kept", "file 644 root", "file 664 root"),
        ({"repository_guarded"}, "kept", "file 644 root", "file 644 kijun-backup"),
    ],
)  # fmt: skip
def test_what_breaks_a_backup_fails(host, controls, kind, old, new):
    assert failing(of_host(host, **{kind: (old, new)})) == controls


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("controls", "kind", "old", "new"),
    [
        ({"append_only"}, "records", '"answer": "refused"', '"answer": "unknown"'),
        ({"off_host"}, "setup", "ssh hostname .*\n", ""),
        ({"key_escrowed"}, "setup", "key ....\n", ""),
        ({"covered", "journal"}, "subjects", "end", ""),
        ({"repository_guarded"}, "kept", "end", ""),
        ({"complete"}, "records", "mounted .*\n", ""),
        ({"program_copy"}, "records", "packages .*\n", ""),
    ],
)
def test_what_was_not_read_is_no_pass(host, controls, kind, old, new):
    verdicts = of_host(host, **{kind: (old, new)})
    assert unknown(verdicts) == controls
    assert not failing(verdicts)


@pytest.mark.parametrize(
    ("hours", "controls"),
    [
        (0, set()),
        (10, {"journal"}),
        (20, {"fresh", "journal"}),
        (24 * 20, {"fresh", "journal"}),
        (24 * 32, {"fresh", "journal", "restorable", "append_only"}),
    ],
)
def test_what_was_good_grows_old(hours, controls):
    assert failing(of_host("host-12", later=hours * HOUR)) == controls


def test_a_host_without_sets_and_without_data_has_no_backup():
    texts = dict.fromkeys((*COMMANDS, *FILES), "") | {
        "setup": "absent\n",
        "kept": "absent\n",
        "subjects": "end\n",
    }
    verdicts = judged(texts, PARAMS | {"backup_sets": []})
    assert {v.status for v in verdicts.values()} == {Status.NOT_APPLICABLE}
    verdicts = judged(BARE | {"subjects": "mariadb shop\nend\n"}, PARAMS | {"backup_sets": []})
    assert failing(verdicts) == {"covered"}


def test_a_host_that_was_never_set_up_fails():
    texts = dict.fromkeys((*COMMANDS, *FILES), "") | {
        "setup": "absent\n",
        "kept": "absent\n",
        "subjects": "end\n",
    }
    assert failing(judged(texts)) == NAMES - {"covered", "repository_guarded"}


def test_a_share_inside_a_set_is_covered_unless_it_is_left_out():
    share = {"subjects": ("end", "share /srv/museum/works\nend")}
    assert not failing(of_host("host-12", **share))
    sets = [
        {
            "name": "files",
            "hours": 12,
            "paths": ["/srv/museum", "/srv/disk"],
            "exclude": ["/srv/museum/works"],
        }
    ]
    assert "covered" in failing(of_host("host-12", PARAMS | {"backup_sets": sets}, **share))


@pytest.mark.parametrize(
    "sets", ["files", [1], [{"paths": []}], [{"name": "a", "hours": "x"}], [{"name": "a", "paths": "/srv"}]]
)
def test_sets_that_are_not_understood_are_no_pass(sets):
    verdicts = of_host("host-12", PARAMS | {"backup_sets": sets})
    assert unknown(verdicts) == NAMES - {"repository_guarded"}


@given(st.dictionaries(st.sampled_from(sorted(COMMANDS)), st.binary(max_size=400)))
def test_arbitrary_bytes_never_pass(noise):
    texts = {kind: noise.get(kind, b"").decode("utf-8", "replace") for kind in (*COMMANDS, *FILES)}
    verdicts = judged(texts)
    assert set(verdicts) == NAMES
    assert Status.PASS not in {v.status for v in verdicts.values()}


@given(
    st.sampled_from(HOSTS),
    st.sampled_from(sorted((*COMMANDS, *FILES))),
    st.integers(0, 3000),
    st.text(max_size=20),
)
def test_real_answers_with_noise_in_them_never_raise(host, kind, place, noise):
    texts = texts_of(host)
    texts[kind] = texts[kind][:place] + noise + texts[kind][place:]
    assert set(judged(texts)) == NAMES


@pytest.mark.parametrize(("later", "controls"), [(1800, set()), (7200, {"program_copy", "journal"})])
def test_a_change_of_packages_is_to_be_copied_within_an_hour(later, controls):
    now = int((DATA / "host-12.now").read_text())
    changed = {"records": ("packages .*", f"packages {now}")}
    assert failing(of_host("host-12", later=later, **changed)) == controls


def test_no_program_is_copied_where_none_is_named():
    params = PARAMS | {"backup_program_paths": []}
    assert failing(of_host("host-12", params)) == {"program_copy", "as_planned"}
