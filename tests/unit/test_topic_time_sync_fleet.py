"""Agreement between hosts: what one read of each tells, with its error bound, and who is at fault."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.judging import judge, judge_fleet, note
from kijun.model import ClockSample, FleetJudge, Grade, HostState, Status, Topic, Verdict
from kijun.records.proofs import ProofRecord, ProofResult
from kijun.standard.models import Control
from kijun.topics._time_skew import CONTROL, Noted, judge_skew
from kijun.topics._time_skew import note as noted_of

PARAMS = {"time_sync_max_skew_ms": 500}


def host(ahead, error=0.01, limit=0.5):
    return Noted(ahead - error, ahead + error, limit)


def statuses(notes, unread=()):
    return {name: said[0].status.value for name, said in judge_skew(notes, unread).items()}


def test_the_bounds_hold_whatever_the_way_took():
    """The host is 3 s ahead; asking took 0.2 s, the reading 5 s, the answer 0.4 s."""
    sample = ClockSample(asked=100.0, began=103.2, ended=108.2, answered=105.6)
    low, high = sample.ahead
    assert (round(low, 6), round(high, 6)) == (2.6, 3.2)
    assert noted_of(HostState({}, {}, 103, clock=sample), PARAMS) == Noted(low, high, 0.5)


@given(st.floats(-1e6, 1e6), *(st.floats(0, 100) for _ in range(3)))
def test_the_true_difference_is_always_between_the_bounds(ahead, asking, reading, answering):
    sample = ClockSample(0.0, asking + ahead, asking + reading + ahead, asking + reading + answering)
    low, high = sample.ahead
    assert low - 1e-6 <= ahead <= high + 1e-6


def test_a_clock_that_was_set_during_the_read_tells_nothing():
    state = HostState({}, {}, 100, clock=ClockSample(100.0, 100.1, 3700.0, 100.9))
    assert noted_of(state, PARAMS) is None
    assert noted_of(HostState({}, {}, 100), PARAMS) is None
    assert statuses({"a": None, "b": host(0.0), "c": host(0.1)}) == {"a": "unknown", "b": "pass", "c": "pass"}


CASES = [
    ({"a": host(0.0)}, {"a": "not_applicable"}),
    ({"a": host(0.0), "b": host(0.4)}, {"a": "pass", "b": "pass"}),
    ({"a": host(0.0), "b": host(0.6)}, {"a": "fail", "b": "fail"}),  # which of two is wrong cannot be told
    ({"a": host(0.0), "b": host(0.1), "c": host(3600.0)}, {"a": "pass", "b": "pass", "c": "fail"}),
    ({"a": host(0.0), "b": host(0.1), "c": host(9.0), "d": host(9.1)}, dict.fromkeys("abcd", "fail")),
    ({"a": host(0.0), "b": host(0.49)}, {"a": "unknown", "b": "unknown"}),  # 490 ms, give or take 20 ms
    ({"a": host(0.0), "b": host(0.1, error=2.0)}, {"a": "unknown", "b": "unknown"}),
    ({"a": host(0.0), "b": host(99.0, error=2.0)}, {"a": "fail", "b": "fail"}),
    ({"a": host(0.0, limit=0.2), "b": host(0.4)}, {"a": "fail", "b": "pass"}),  # each by its own limit
    ({}, {}),
]


@pytest.mark.parametrize(("notes", "expected"), CASES, ids=range(len(CASES)))
def test_who_agrees(notes, expected):
    assert statuses(notes) == expected


def test_what_is_said_has_the_error_bound_and_what_is_missing():
    said = judge_skew({"a": host(0.0), "b": host(0.1), "c": host(3600.0), "d": None}, ["e"])
    assert said["a"][0].actual == (
        "2 hosts agree: 100 ms from b, give or take 20 ms; without c, found wrong; 2 could not be timed"
    )
    assert said["c"][0].actual == "3600.0 s from a, give or take 20 ms and 1 more"
    assert said["c"][0].expected == "within 500 ms of every other server"


def control(name):
    text = {"en": name, "ja": "名"}
    base = {"id": f"t.{name}", "clauses": ["S-10.2.7.b"], "basis": "clause", "severity": "high"}
    return Control.model_validate({**base, "title": text, "why": text, "obligation": "must"})


CONTROLS = {c.id: c for c in map(control, ("own", "shared"))}
STATE = HostState({}, {}, 1)


def topic(noting, judging):
    own = Verdict("t.own", Status.PASS, "", "", "")
    return Topic("t", (), lambda _s, _p: [own], FleetJudge(frozenset({"t.shared"}), noting, judging))


def shared(status=Status.PASS, reason=""):
    return [Verdict("t.shared", status, "", "", "", reason)]


def of_fleet(noting, judging, hosts=("a", "b"), unread=()):
    made = topic(noting, judging)
    notes = {name: note(STATE, {"host": name}, made) for name in hosts}
    known = {name: ("d", {}) for name in hosts}
    return {n: f[0] for n, f in judge_fleet(notes, made, CONTROLS, known, unread).items()}


def test_a_control_of_the_fleet_is_left_out_by_the_judge_of_one_host():
    made = topic(lambda _s, _p: 1, lambda _n, _u: {})
    assert [finding.control for finding in judge(STATE, {}, made, CONTROLS)] == ["t.own"]


def test_every_host_read_gets_its_finding_and_the_judge_knows_who_was_not():
    asked = {}

    def judging(notes, unread):
        asked.update(notes=dict(notes), unread=list(unread))
        return {name: shared() for name in notes}

    found = of_fleet(lambda _s, p: p["host"], judging, unread=["c"])
    assert {name: f.status for name, f in found.items()} == {"a": Status.PASS, "b": Status.PASS}
    assert asked == {"notes": {"a": "a", "b": "b"}, "unread": ["c"]}
    assert found["a"].clauses == ("S-10.2.7.b",)


def test_what_the_judge_of_the_fleet_does_not_say_is_unknown():
    found = of_fleet(lambda _s, _p: 1, lambda _n, _u: {"a": shared() + shared(), "z": shared()})
    assert "more than one" in found["a"].reason
    assert "says nothing" in found["b"].reason
    assert {f.status for f in found.values()} == {Status.UNKNOWN}


def test_a_judge_of_the_fleet_that_raises_leaves_unknowns():
    def raising(_notes, _unread):
        raise ValueError("no")

    found = of_fleet(lambda _s, _p: 1, raising)
    assert {f.status for f in found.values()} == {Status.UNKNOWN}
    assert found["a"].reason == "the judge of t failed: ValueError: no"


def test_a_host_that_cannot_be_noted_is_unknown_and_the_others_are_judged_without_it():
    def noting(_state, params):
        if params["host"] == "a":
            raise KeyError("x")
        return 1

    found = of_fleet(
        noting, lambda notes, unread: {n: shared() for n in notes} if list(unread) == ["a"] else {}
    )
    assert found["a"].status is Status.UNKNOWN
    assert "KeyError" in found["a"].reason
    assert found["b"].status is Status.PASS


def test_a_proof_counts_here_too():
    made = topic(lambda _s, _p: 1, lambda notes, _u: {n: shared() for n in notes})
    record = ProofRecord("t.shared", ProofResult.PROVEN, "2026-01-01T00:00:00+00:00", ("x",), "d")
    known = {"a": ("d", {"t.shared": record}), "b": ("other", {"t.shared": record})}
    found = judge_fleet({"a": 1, "b": 1}, made, CONTROLS, known)
    assert [found[name][0].grade for name in "ab"] == [Grade.PROVEN, Grade.CONFIGURED]


def test_the_control_is_the_topic_s():
    assert CONTROL == "time_sync.skew"
