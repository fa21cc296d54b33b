"""The judge of account_lockout, over readings captured from fresh and hardened Debian 12 and 13 hosts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kijun.model import CommandResult, FileEntry, HostState, Status, UnreadError
from kijun.topics.account_lockout import TOPIC

DATA = Path(__file__).parent / "data" / "account_lockout"
CASES = yaml.safe_load((DATA / "cases.yml").read_text(encoding="utf-8"))
PARAMS = {
    "account_lockout_deny": 5,
    "account_lockout_fail_interval": 900,
    "account_lockout_unlock_time": 900,
    "account_lockout_root_unlock_time": 60,
}
CONTROLS = 12
RELEASES = ["bookworm", "trixie"]
NEEDS_FAILLOCK = {
    "threshold", "window", "lock_time", "root", "every_path", "not_resettable", "tally_protected", "logged",
}  # fmt: skip


def captured(name: str) -> HostState:
    raw = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    files = {
        f["path"]: FileEntry(
            f["path"], f["kind"], int(f["mode"], 8), f["uid"], f["gid"], f["mtime"], f["content"].encode()
        )
        for f in raw["files"]
    }
    commands = {c["name"]: CommandResult(c["name"], c["rc"], c["stdout"].encode()) for c in raw["commands"]}
    return HostState(files, commands, raw["read_at"], frozenset(raw["declared"]))


def judged(state: HostState, **params: object) -> dict[str, set[str]]:
    """Return the controls (without the topic's name) by status."""
    verdicts = list(TOPIC.judge(state, {**PARAMS, **params}))
    assert len({v.control for v in verdicts}) == len(verdicts) == CONTROLS
    assert all(v.reason for v in verdicts if v.status in (Status.UNKNOWN, Status.NOT_APPLICABLE))
    assert all(v.expected and v.source for v in verdicts)
    return {
        status.value: {v.control.removeprefix("account_lockout.") for v in verdicts if v.status is status}
        for status in Status
    }


def with_text(state: HostState, where: str, text: str) -> HostState:
    if where.startswith("/"):
        held = state.files.get(where, FileEntry(where, "file", 0o644, 0, 0, 0, b""))
        return replace(state, files={**state.files, where: replace(held, content=text.encode())})
    return replace(state, commands={**state.commands, where: CommandResult(where, 0, text.encode())})


def changed(state: HostState, case: dict[str, Any]) -> HostState:
    where = case["in"]
    text = case.get("file", (state.files if where.startswith("/") else state.commands)[where].text)
    if "from" in case:
        assert re.search(case["from"], text, re.MULTILINE), "the case changes nothing"
        text = re.sub(case["from"], case["to"], text, count=0, flags=re.MULTILINE)
    return with_text(state, where, case.get("first", "") + text + case.get("add", ""))


@pytest.mark.parametrize("release", RELEASES)
def test_a_hardened_host_passes(release: str) -> None:
    assert len(judged(captured(f"hardened-{release}"))["pass"]) == CONTROLS


@pytest.mark.parametrize("release", RELEASES)
def test_a_fresh_host_fails(release: str) -> None:
    found = judged(captured(f"fresh-{release}"))
    assert found["fail"] == NEEDS_FAILLOCK
    assert not found["unknown"]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_is_broken_fails_and_nothing_else(case: dict[str, Any], release: str) -> None:
    found = judged(changed(captured(f"hardened-{release}"), case))
    assert found["fail"] == set(case["fails"])
    assert found["unknown"] == set(case.get("unknown", ()))


@pytest.mark.parametrize(
    ("path", "mode", "uid", "gid", "fails"),
    [
        ("/etc/security/faillock.conf", 0o666, 0, 0, {"configuration_protected"}),
        ("/etc/pam.d/sshd", 0o664, 0, 100, {"configuration_protected"}),
        ("/etc/pam.d/sshd", 0o664, 0, 0, set()),
        ("/etc/pam.d", 0o755, 1000, 0, {"configuration_protected"}),
        ("/var/lib/faillock", 0o755, 0, 0, {"tally_protected"}),
        ("/var/lib/faillock", 0o700, 1000, 0, {"tally_protected"}),
    ],
)
def test_modes(path: str, mode: int, uid: int, gid: int, fails: set[str]) -> None:
    state = captured("hardened-trixie")
    entry = replace(state.files[path], mode=mode, uid=uid, gid=gid)
    assert judged(replace(state, files={**state.files, path: entry}))["fail"] == fails


def test_other_parameters() -> None:
    state = captured("hardened-bookworm")
    assert judged(state, account_lockout_deny=4)["fail"] == {"threshold"}
    assert judged(state, account_lockout_deny=6)["fail"] == set()
    assert judged(state, account_lockout_fail_interval=901)["fail"] == {"window"}
    assert judged(state, account_lockout_unlock_time=901)["fail"] == {"lock_time"}
    assert judged(state, account_lockout_root_unlock_time=61)["fail"] == {"root"}


def test_a_host_without_an_ssh_server() -> None:
    found = judged(with_text(captured("hardened-trixie"), "account_lockout.sshd", "absent\n"))
    assert found["not_applicable"] == {"in_force"}
    assert not found["fail"]


def test_the_service_that_sshd_names_is_walked_too() -> None:
    state = with_text(
        captured("hardened-trixie"), "account_lockout.sshd", "usepam yes\npamservicename museum\n"
    )
    assert not judged(state)["fail"]
    state = with_text(state, "/etc/pam.d/museum", "auth required pam_unix.so\n")
    assert judged(state)["fail"] == {"every_path"}


def test_a_pam_file_that_could_not_be_read_is_unknown() -> None:
    state = captured("hardened-trixie")
    files = {path: entry for path, entry in state.files.items() if path != "/etc/pam.d/sshd"}
    with pytest.raises(UnreadError):
        judged(replace(state, files=files, unread={"/etc/pam.d/sshd": "input/output error"}))


def test_nothing_read_passes_nothing() -> None:
    state = captured("hardened-trixie")
    silent = {name: CommandResult(name, 1, b"") for name in state.commands}
    assert judged(HostState({}, silent, 0, state.declared))["pass"] == set()


HARDENED = captured("hardened-bookworm")
PLACES = sorted([*HARDENED.files, *HARDENED.commands])
DECISIVE = ["/etc/pam.d/common-auth", "/etc/security/faillock.conf", *HARDENED.commands]


@given(st.sampled_from(PLACES), st.binary(max_size=200))
def test_any_bytes_anywhere_never_raise(where: str, content: bytes) -> None:
    judged(with_text(HARDENED, where, content.decode("latin-1")))


@given(st.sampled_from(DECISIVE), st.binary(max_size=200))
def test_any_bytes_where_it_matters_never_pass(where: str, content: bytes) -> None:
    text = content.decode("latin-1")
    if "pam_unix" in text or "usepam" in text:
        return
    assert len(judged(with_text(HARDENED, where, text))["pass"]) < CONTROLS


@given(st.binary(max_size=200))
def test_any_bytes_before_the_stack_never_let_a_locked_account_in_unseen(content: bytes) -> None:
    found = judged(
        with_text(HARDENED, "/etc/pam.d/su", content.decode("latin-1") + "\nauth sufficient pam_unix.so\n")
    )
    assert "every_path" not in found["pass"] or "stack_sound" not in found["pass"]
