"""Verdicts joined with the rulebook: what is missing, doubled, raised or unread is unknown, never a pass."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.judging import judge, not_read, release_note, topic_digest
from kijun.model import (
    CommandRead,
    CommandResult,
    FileEntry,
    FileRead,
    Finding,
    Grade,
    HostState,
    Params,
    Status,
    Topic,
    UnreadError,
    Verdict,
)
from kijun.records.proofs import ProofRecord, ProofResult
from kijun.standard.models import Control

DATA = Path(__file__).parent / "data"
ENTRY = FileEntry("/etc/a", "file", 0o644, 0, 0, 5, b"x")
STATE = HostState({"/etc/a": ENTRY}, {"c": CommandResult("c", 0, b"1"), "v": CommandResult("v", 0, b"2")}, 9)
READS = (FileRead("/etc/a"), CommandRead("c", "x"), CommandRead("v", "x", volatile=True))


def control(name: str, **more: object) -> Control:
    text = {"en": name, "ja": "名"}
    base = {"id": f"t.{name}", "clauses": ["S-10.2.7.b"], "basis": "clause", "severity": "high"}
    return Control.model_validate({**base, "title": text, "why": text, "obligation": "must", **more})


CONTROLS = {
    c.id: c for c in (control("one"), control("two", basis="practice", clauses=[], obligation="none"))
}


def verdict(name: str, status: Status = Status.PASS, reason: str = "") -> Verdict:
    return Verdict(f"t.{name}", status, "5", "5", "/etc/a", reason)


def judged(
    function: Callable[[HostState, Params], Iterable[Verdict]], state: HostState = STATE
) -> dict[str, Finding]:
    return {f.control: f for f in judge(state, {}, Topic("t", READS, function), CONTROLS)}


def test_a_verdict_gets_the_rulebook_s_data() -> None:
    found = judged(lambda _s, _p: [verdict("one"), verdict("two", Status.FAIL)])
    one, two = found["t.one"], found["t.two"]
    assert (one.status, one.grade, one.clauses, one.obligation) == (
        Status.PASS,
        Grade.CONFIGURED,
        ("S-10.2.7.b",),
        "must",
    )
    assert (one.title_ja, one.severity, one.basis) == ("名", "high", "clause")
    assert (two.status, two.basis, two.clauses) == (Status.FAIL, "practice", ())


@pytest.mark.parametrize(
    ("verdicts", "why"),
    [
        ([], "says nothing"),
        ([verdict("one"), verdict("one")], "more than one"),
        ([verdict("one", Status.UNKNOWN)], "no reason"),
        ([verdict("one", Status.NOT_APPLICABLE)], "no reason"),
    ],
)
def test_what_is_not_one_whole_verdict_is_unknown(verdicts: list[Verdict], why: str) -> None:
    finding = judged(lambda _s, _p: verdicts)["t.one"]
    assert finding.status is Status.UNKNOWN
    assert finding.grade is Grade.UNVERIFIED
    assert why in finding.reason


@pytest.mark.parametrize(
    "error", [ValueError("bad"), UnreadError("/etc/x: Input/output error"), RecursionError()]
)
def test_a_judge_that_raises_leaves_the_rest_unknown(error: Exception) -> None:
    def raising(_state: HostState, _params: Params) -> Iterable[Verdict]:
        yield verdict("one")
        raise error

    found = judged(raising)
    assert found["t.one"].status is Status.PASS
    assert found["t.two"].status is Status.UNKNOWN
    assert str(error) in found["t.two"].reason


def test_a_verdict_of_an_undeclared_control_is_not_passed_over() -> None:
    found = judged(lambda _s, _p: [verdict("one"), verdict("two"), verdict("three")])
    assert found["t.three"].status is Status.UNKNOWN
    assert "rulebook does not have" in found["t.three"].reason


def test_a_host_that_was_not_read_has_every_control_unknown() -> None:
    found = not_read("denied: no", ["t"], CONTROLS)
    assert [(f.control, f.status, f.grade, f.reason) for f in found] == [
        ("t.one", Status.UNKNOWN, Grade.UNVERIFIED, "denied: no"),
        ("t.two", Status.UNKNOWN, Grade.UNVERIFIED, "denied: no"),
    ]
    assert not_read("x", ["other"], CONTROLS) == []


def graded(status: Status, digest: str, result: ProofResult = ProofResult.PROVEN) -> Grade:
    record = ProofRecord("t.one", result, "2026-11-01T00:00:00Z", ("x",), digest)
    topic = Topic("t", READS, lambda _s, _p: [verdict("one", status, "r"), verdict("two")])
    return judge(STATE, {}, topic, CONTROLS, {"t.one": record})[0].grade


def test_proven_is_only_a_pass_in_the_very_state_that_was_proven() -> None:
    digest = topic_digest(Topic("t", READS, lambda _s, _p: ()), STATE)
    assert graded(Status.PASS, digest) is Grade.PROVEN
    assert graded(Status.PASS, "another") is Grade.CONFIGURED
    assert graded(Status.PASS, digest, ProofResult.FAILED) is Grade.CONFIGURED
    assert graded(Status.FAIL, digest) is Grade.CONFIGURED
    assert graded(Status.UNKNOWN, digest) is Grade.UNVERIFIED


def digest(**changes: object) -> str:
    entry = FileEntry(**{**{f: getattr(ENTRY, f) for f in ENTRY.__slots__}, **changes})  # type: ignore[arg-type]
    return topic_digest(Topic("t", READS, lambda _s, _p: ()), HostState({"/etc/a": entry}, STATE.commands, 1))


def test_the_digest_follows_what_counts() -> None:
    assert digest() == digest(mtime=6)
    different = [digest(mode=0o600), digest(uid=1), digest(gid=1), digest(content=b"y"), digest(kind="dir")]
    assert len({digest(), *different}) == 6
    volatile = HostState(STATE.files, {**STATE.commands, "v": CommandResult("v", 1, b"")}, 1)
    changed = HostState(STATE.files, {**STATE.commands, "c": CommandResult("c", 1, b"")}, 1)
    topic = Topic("t", READS, lambda _s, _p: ())
    assert topic_digest(topic, volatile) == digest() != topic_digest(topic, changed)
    unread = HostState({}, STATE.commands, 1, unread={"/etc/a": "no"})
    assert topic_digest(topic, unread) == ""


def os_release(content: bytes | None) -> HostState:
    path = "/etc/os-release"
    files = {} if content is None else {path: FileEntry(path, "file", 0o644, 0, 0, 0, content)}
    return HostState(files, {}, 0, frozenset({path}))


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (b'ID=debian\nVERSION_ID="12"\n', ""),
        (b'ID=debian\nVERSION_ID="13"\n', ""),
        (b'PRETTY_NAME="Debian 11"\nID=debian\nVERSION_ID="11"\n', "out of support"),
        (b'PRETTY_NAME="Ubuntu 24.04"\nID=ubuntu\nVERSION_ID="24.04"\n', "this is Ubuntu 24.04"),
        (b"PRETTY_NAME=Debian trixie/sid\nID=debian\n", "untested"),
        (b"", "untested"),
        (None, "could not be read"),
    ],
)
def test_the_release_is_told(content: bytes | None, note: str) -> None:
    said = release_note(os_release(content))
    assert (note in said) if note else said == ""


@given(st.binary(max_size=200))
def test_any_os_release_gives_a_printable_note(content: bytes) -> None:
    assert release_note(os_release(content)).isprintable()
