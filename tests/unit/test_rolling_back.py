"""`kijun rollback`: what hosts say of the runs that they keep, and what an operator is told and asked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun import rolling_back
from kijun.cli import run as kijun
from kijun.enforcing.playing import Played
from kijun.model import Outcome

RUN = "20261125-095337-22493"
ROW = {
    **{"run": RUN, "folder": RUN, "runs": [RUN], "outcome": "confirmed", "why": ""},
    **{"topics": ["account_lockout"], "taken": 1795600000.0, "paths": ["/etc/a", "/etc/b"]},
}
CHANGE = {
    **{"path": "/etc/a", "what": "change", "from": "file 0644 0:0", "to": "file 0600 0:0"},
    "lines": ["--- /etc/a now", "+++ /etc/a then", "-new", "+old"],
}
WOULD = {
    **{"runs": [ROW], "later": [], "touches": {}, "topics": [], "changes": [CHANGE]},
    **{"units": {"avahi-daemon.service": "active"}, "tables": {"inet kijun_filter": ""}},
    "packages": {"came": ["nftables"], "went": [], "changed": []},
}


def host(answer: object, wanted: str = RUN) -> rolling_back.Kept:
    return rolling_back.of_host("web", json.dumps(answer), wanted)


def test_the_runs_of_a_host_are_listed() -> None:
    assert rolling_back.listed([host({"runs": [ROW]}, "")]) == [
        f"web: {RUN}  2026-11-25 09:46 UTC  confirmed, 2 paths  (account_lockout)"
    ]
    assert rolling_back.listed([host({"runs": []}, "")]) == ["web: no run is kept"]


def test_what_would_change_is_told() -> None:
    assert rolling_back.told(host(WOULD)) == [
        "web:",
        "  change /etc/a (now file 0644 0:0, then file 0600 0:0)",
        "    --- /etc/a now",
        "    +++ /etc/a then",
        "    -new",
        "    +old",
        "  start avahi-daemon.service",
        "  packet filter: remove the table inet kijun_filter",
        "  stay installed: nftables",
    ]


def test_what_is_hidden_is_said_and_later_runs_are_named() -> None:
    hidden = {**CHANGE, "lines": [], "hidden": True}
    said = rolling_back.told(host({**WOULD, "changes": [hidden], "later": ["20261126-000000-1"]}))
    assert said[1] == "  undoes these later runs too: 20261126-000000-1"
    assert said[3] == "    what is in it changes too, and is not shown"


def test_a_host_without_the_run_says_so() -> None:
    said = host({"refused": f"there is no snapshot of run {RUN} here"})
    assert rolling_back.told(said) == [f"web: there is no snapshot of run {RUN} here"]
    assert not said.changes


def test_nothing_of_a_path_steers_a_terminal() -> None:
    said = rolling_back.told(host({**WOULD, "changes": [{**CHANGE, "path": "/etc/\x1b[2J"}]}))
    assert "\x1b" not in "".join(said)


JSON = st.recursive(st.none() | st.text(max_size=5), st.lists, max_leaves=4).map(json.dumps)


@given(st.text(max_size=60) | JSON)
def test_whatever_a_host_says_is_no_exception_and_no_change(said: str) -> None:
    found = rolling_back.of_host("web", said, RUN)
    assert not found.changes
    assert rolling_back.told(found)


@pytest.mark.parametrize("key", ["changes", "units", "tables", "packages", "later"])
@pytest.mark.parametrize("value", [None, 3, "x", [3], {"a": 3}])
def test_an_answer_of_another_shape_is_malformed_or_told(key: str, value: object) -> None:
    found = host({**WOULD, key: value})
    assert rolling_back.told(found)
    assert found.outcome in (Outcome.MALFORMED, Outcome.COLLECTED)


class Fleet:
    """Stands in for hosts: what was asked of it, and what it answers."""

    def __init__(self, answer: rolling_back.Kept) -> None:
        self.answer = answer
        self.put: list[Any] = []
        self.ends = Played.__new__(Played)
        self.ends.rc, self.ends.hosts, self.ends.log = 0, {}, "the log"

    def look(self, _options: Any, _wanted: str = "") -> Any:
        return [], [self.answer]

    def put_back(self, _options: Any, wanted: str, _hosts: Any, names: Any, _say: Any) -> Played:
        self.put.append((wanted, list(names)))
        return self.ends


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    found = Fleet(host(WOULD))
    monkeypatch.setattr(rolling_back, "look", found.look)
    monkeypatch.setattr(rolling_back, "put_back", found.put_back)
    return found


def test_nobody_is_taken_for_yes(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert kijun(["rollback", RUN, "-i", "hosts.yml"]) == 3
    assert "Nobody is here to answer: give --yes." in capsys.readouterr().err
    assert fleet.put == []


def test_with_yes_it_is_done(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert kijun(["rollback", RUN, "-i", "hosts.yml", "--yes"]) == 0
    assert fleet.put == [(RUN, ["web"])]
    assert capsys.readouterr().out.endswith(f"Put back to before run {RUN}: web.\n")


def test_a_host_that_could_not_be_put_back_is_exit_code_1(
    fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.ends.rc = 2
    assert kijun(["rollback", RUN, "-i", "hosts.yml", "--yes"]) == 1
    assert "Not all could be put back; full log: the log" in capsys.readouterr().out


def test_a_host_that_was_not_read_is_exit_code_2(fleet: Fleet) -> None:
    fleet.answer = rolling_back.Kept("web", Outcome.UNREACHABLE, "no answer")
    assert kijun(["rollback", RUN, "-i", "hosts.yml", "--yes"]) == 2
    assert kijun(["rollback", "--list", "-i", "hosts.yml"]) == 2
    assert fleet.put == []


def test_a_run_or_list_is_needed(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert kijun(["rollback", "-i", "hosts.yml"]) == 3
    assert "name a RUN, or give --list" in capsys.readouterr().err


def test_a_name_that_is_none_touches_no_host(capsys: pytest.CaptureFixture[str]) -> None:
    assert kijun(["rollback", "$(reboot)", "-i", "hosts.yml"]) == 3
    assert "is no name of a run" in capsys.readouterr().err
