"""The judge of password_policy, over readings captured from fresh and hardened Debian 12 and 13 hosts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kijun.model import CommandResult, FileEntry, HostState, Status
from kijun.topics.password_policy import TOPIC

DATA = Path(__file__).parent / "data" / "password_policy"
CASES = yaml.safe_load((DATA / "cases.yml").read_text(encoding="utf-8"))
PARAMS = {
    "password_policy_min_length": 12,
    "password_policy_privileged_min_length": 16,
    "password_policy_privileged_groups": ["sudo", "wheel", "docker", "lxd"],
}
CONTROLS = 11


def captured(name: str) -> HostState:
    raw = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    files = {
        f["path"]: FileEntry(f["path"], "file", int(f["mode"], 8), 0, 0, 0, f["content"].encode())
        for f in raw["files"]
    }
    commands = {c["name"]: CommandResult(c["name"], c["rc"], c["stdout"].encode()) for c in raw["commands"]}
    return HostState(files, commands, raw["read_at"], frozenset(raw["declared"]))


def judged(state: HostState, **params: object) -> dict[str, set[str]]:
    """Return the controls (without the topic's name) by status."""
    verdicts = list(TOPIC.judge(state, {**PARAMS, **params}))
    assert len({v.control for v in verdicts}) == len(verdicts) == CONTROLS
    assert all(v.reason for v in verdicts if v.status is Status.UNKNOWN)
    return {
        status.value: {v.control.removeprefix("password_policy.") for v in verdicts if v.status is status}
        for status in Status
    }


def changed(state: HostState, case: dict[str, str]) -> HostState:
    where = case["in"]
    if "file" in case:
        entry = FileEntry(where, "file", 0o644, 0, 0, 0, case["file"].encode())
        return replace(state, files={**state.files, where: entry})
    held = state.files[where] if where.startswith("/") else state.commands[where]
    text = held.text
    if "from" in case:
        assert re.search(case["from"], text, re.MULTILINE), "the case changes nothing"
        text = re.sub(case["from"], case["to"], text, flags=re.MULTILINE)
    text = case.get("first", "") + text + case.get("add", "")
    if isinstance(held, FileEntry):
        return replace(state, files={**state.files, where: replace(held, content=text.encode())})
    return replace(state, commands={**state.commands, where: replace(held, stdout=text.encode())})


@pytest.mark.parametrize("release", ["bookworm", "trixie"])
def test_a_hardened_host_passes(release: str) -> None:
    assert len(judged(captured(f"hardened-{release}"))["pass"]) == CONTROLS


@pytest.mark.parametrize("release", ["bookworm", "trixie"])
def test_a_fresh_host_fails(release: str) -> None:
    failed = judged(captured(f"fresh-{release}"))["fail"]
    assert failed == {"length", "hard_to_guess", "privileged_stronger", "every_path", "in_force"}


@pytest.mark.parametrize("release", ["bookworm", "trixie"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_is_broken_fails_and_nothing_else(case: dict[str, str], release: str) -> None:
    found = judged(changed(captured(f"hardened-{release}"), case))
    assert found["fail"] == set(case["fails"])
    assert found["unknown"] == set(case.get("unknown", ()))


def test_other_parameters() -> None:
    state = captured("hardened-trixie")
    assert judged(state, password_policy_min_length=13)["fail"] == {"length", "in_force"}
    assert judged(state, password_policy_min_length=10)["fail"] == set()
    assert judged(state, password_policy_privileged_min_length=20)["fail"] == {
        "privileged_stronger",
        "in_force",
    }
    assert judged(state, password_policy_privileged_groups=["sudo", "adm"])["fail"] == {"privileged_stronger"}


@pytest.mark.parametrize("value", [None, True, "twelve", 1.5, [12]])
def test_a_parameter_of_the_wrong_type_is_never_judged(value: object) -> None:
    with pytest.raises(TypeError):
        judged(captured("hardened-trixie"), password_policy_min_length=value)


def test_nothing_read_passes_nothing_that_matters() -> None:
    state = captured("hardened-trixie")
    silent = {name: CommandResult(name, 1, b"") for name in state.commands}
    found = judged(HostState({}, silent, 0, state.declared))
    assert found["pass"] == set()


HARDENED = captured("hardened-bookworm")
PLACES = sorted([*HARDENED.files, *HARDENED.commands])


@given(place=st.sampled_from(PLACES), content=st.binary(max_size=400), rc=st.integers(0, 255))
def test_arbitrary_bytes_in_one_place_never_raise(place: str, content: bytes, rc: int) -> None:
    files, commands = dict(HARDENED.files), dict(HARDENED.commands)
    if place in files:
        files[place] = replace(files[place], content=content)
    else:
        commands[place] = CommandResult(place, rc, content)
    judged(replace(HARDENED, files=files, commands=commands))


@given(st.data())
def test_arbitrary_bytes_everywhere_never_pass_for_a_hardened_host(data: st.DataObject) -> None:
    files = {p: replace(f, content=data.draw(st.binary(max_size=40))) for p, f in HARDENED.files.items()}
    commands = {n: CommandResult(n, 0, data.draw(st.binary(max_size=80))) for n in HARDENED.commands}
    found = judged(replace(HARDENED, files=files, commands=commands))
    must_not = {"length", "hard_to_guess", "privileged_stronger", "every_path", "in_force", "hash_strength"}
    assert not found["pass"] & must_not


PAM_LINE = st.builds(
    "{} {} {} {}".format,
    st.just("password"),
    st.sampled_from(["required", "requisite", "sufficient", "optional", "[success=1 default=ignore]", "[x"]),
    st.sampled_from(["pam_unix.so", "pam_pwquality.so", "pam_deny.so", "pam_permit.so", "pam_exec.so"]),
    st.sampled_from(["", "use_authtok", "minlen=16 enforce_for_root", "uid ne 0", "retry=3", "sha512"]),
)


@given(st.lists(PAM_LINE, max_size=8))
def test_any_stack_is_judged_without_raising(lines: list[str]) -> None:
    entry = replace(HARDENED.files["/etc/pam.d/passwd"], content="\n".join(lines).encode() + b"\n")
    judged(replace(HARDENED, files={**HARDENED.files, "/etc/pam.d/passwd": entry}))
