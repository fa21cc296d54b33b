"""What was in force on a day, from what evidence, and how each clause fared over time."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kijun import cli
from kijun.checking import Fleet, Options, Report
from kijun.exceptions.judging import Judged, stand
from kijun.exceptions.models import ExceptionFile
from kijun.exceptions.register import Entry
from kijun.model import HostReport, Outcome, Status
from kijun.records import store
from tests.unit import recorded
from tests.unit.recorded import OPTIONS, finding, host

ONLY_B = replace(OPTIONS, topics=("b",))
UNREACHABLE = host("web", outcome=Outcome.UNREACHABLE)
PERMITTED = {
    "controls": ["a.x"],
    "hosts": "web",
    "reason": "An old scanner",
    "applicant": "unit",
    "applied_on": "2026-04-01",
    "state": "permitted",
    "decided_by": "chief",
    "decided_on": "2026-04-01",
    "expires_on": "2026-04-05",
}


class Days:
    """A record that is written on days that the test chooses."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.path, self._capsys, self._patch = path, capsys, patch
        self._made = recorded.recorder(path)

    def on(self, day: int, hour: int = 3) -> None:
        """Let it be that day of April 2026."""
        moment = datetime(2026, 4, day, hour, tzinfo=UTC)
        clock = type("Clock", (), {"now": staticmethod(lambda _zone: moment)})
        self._patch.setattr(store, "datetime", clock)

    def check(self, day: int, *hosts: HostReport, options: Options = OPTIONS, **more: Any) -> None:
        self.on(day)
        topics = tuple(options.topics) or recorded.TOPICS
        assert self._made.check(options, replace(recorded.report(*hosts, topics=topics), **more))

    def begin(self, day: int, *hosts: HostReport) -> Callable[[Report | None], None]:
        self.on(day, 4)
        done = recorded.enforcement(recorded.report(*hosts), None)
        self._made.begin(done)

        def end(after: Report | None) -> None:
            self.on(day, 5)
            done.after = after
            assert self._made.end(done)

        return end

    def ask(self, *words: str) -> tuple[int, str, str]:
        code = cli.run([*words, "--record", str(self.path)])
        out, err = self._capsys.readouterr()
        return code, out, err

    def at(self, day: str, *words: str) -> Any:
        code, out, err = self.ask("record", "at", day, "--format", "json", *words)
        assert (code in {0, 2}, err) == (True, "")
        return json.loads(out)


@pytest.fixture(name="days")
def days_(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Days]:
    monkeypatch.setenv("TZ", "UTC")
    return Days(tmp_path / "record.sqlite", capsys, monkeypatch)  # type: ignore[return-value]


def web(a: Status = Status.PASS, b: Status | None = Status.PASS, name: str = "web") -> HostReport:
    findings = [finding("a.x", a, f"a {a}")] + ([finding("b.x", b, f"b {b}")] if b else [])
    return host(name, *findings)


def test_the_last_check_before_the_end_of_the_day_tells(days: Days) -> None:
    days.check(2, web(Status.FAIL))
    days.check(4, web())
    said = days.at("2026-04-03")["hosts"]["web"]
    assert said["counts"] == {"fail": 1, "pass": 1}
    assert {topic: e["event"] for topic, e in said["evidence"].items()} == {"a": 2, "b": 2}
    assert days.at("2026-04-04")["hosts"]["web"]["counts"] == {"pass": 2}
    assert days.at("2026-04-04T02:59")["hosts"]["web"]["counts"] == {"fail": 1, "pass": 1}
    assert days.at("2026-04-04T12:00+09:00")["hosts"]["web"]["counts"] == {"fail": 1, "pass": 1}
    assert days.at("2026-04-04T12:00:01+09:00")["hosts"]["web"]["counts"] == {"pass": 2}


def test_the_days_are_the_control_nodes(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    import time  # noqa: PLC0415

    days.on(3, 20)
    assert recorded.recorder(days.path).check(OPTIONS, recorded.report(web()))
    assert days.at("2026-04-03")["hosts"] != {}
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        code, out, _ = days.ask("record", "at", "2026-04-03")
        assert (code, "the record begins at 2026-04-04 05:00:00+09:00" in out) == (2, True)
    finally:
        monkeypatch.setenv("TZ", "UTC")
        time.tzset()


def test_before_the_record_nothing_is_known(days: Days) -> None:
    days.check(2, web())
    code, out, _ = days.ask("record", "at", "2026-04-01")
    assert code == 2
    assert out == (
        "Nothing is known of 2026-04-02 00:00:00+00:00: the record begins at 2026-04-02 03:00:00+00:00.\n"
    )
    assert days.at("2026-04-01")["hosts"] == {}


BAD = {
    "record at 2999-01-01": "2999-01-01 is in the future; nothing is known of it.",
    "record at nonsense": "DATE nonsense is no day; write YYYY-MM-DD",
    "record at 2026-04-02 --host nope": "the record knows no host nope",
    "history --host nope": "the record knows no host nope",
    "history --since 2026-04-01 --clause S-9": "--clause S-9: no check in that time says anything of it.",
    "history --since x": "--since x is no day",
    "history --format xml": "there is no format xml",
}


@pytest.mark.parametrize("words", BAD)
def test_bad_input_is_one_sentence(days: Days, words: str) -> None:
    days.check(2, web())
    code, out, err = days.ask(
        *words.split(), *(["--since", "2026-04-01"] if "host nope" in words and "history" in words else [])
    )
    assert (code, out) == (3, "")
    assert BAD[words] in err
    assert err.count("\n") == 1


def test_a_check_of_one_topic_says_nothing_of_the_others(days: Days) -> None:
    days.check(2, web(Status.FAIL, Status.FAIL))
    days.check(3, host("web", finding("b.x")), options=ONLY_B)
    said = days.at("2026-04-03")["hosts"]["web"]
    assert said["counts"] == {"fail": 1, "pass": 1}
    assert {topic: e["event"] for topic, e in said["evidence"].items()} == {"a": 2, "b": 3}
    full = days.at("2026-04-03", "--host", "web")["hosts"]["web"]["findings"]
    assert [(f["control"], f["actual"]) for f in sorted(full, key=lambda f: str(f["control"]))] == [
        ("a.x", "a fail"),
        ("b.x", "that"),
    ]


def test_a_check_that_could_not_read_a_host_is_no_evidence_of_it(days: Days) -> None:
    days.check(2, web(Status.FAIL))
    days.check(3, UNREACHABLE)
    said = days.at("2026-04-03")["hosts"]["web"]
    assert said["counts"] == {"fail": 1, "pass": 1}
    assert said["evidence"]["a"]["event"] == 2
    assert (said["last_tried"]["event"], said["last_tried"]["outcome"]) == (3, "unreachable")
    _, out, _ = days.ask("record", "at", "2026-04-03")
    assert "not read at 2026-04-03 03:00:00+00:00 (event 3), unreachable: no route" in out


def test_a_host_that_was_never_read_is_unknown(days: Days) -> None:
    days.check(2, UNREACHABLE)
    code, out, _ = days.ask("record", "at", "2026-04-02")
    assert code == 2
    assert "web  nothing is known; it was never read" in out


def test_what_is_gone_before_a_full_check_is_gone(days: Days) -> None:
    days.check(2, host("web", finding("b.x")), options=ONLY_B)
    days.check(3, web(b=None), topics=("a",))  # a kijun that knows no topic b any more
    assert list(days.at("2026-04-03")["hosts"]["web"]["evidence"]) == ["a"]


def test_a_run_after_which_nothing_was_read_is_told(days: Days) -> None:
    end = days.begin(2, web(Status.FAIL))
    (said,) = days.at("2026-04-02T04:30")["hosts"]["web"]["changed_since"]
    assert "began afterwards (event 3), and no event says how it ended" in said
    end(None)
    (said,) = days.at("2026-04-02")["hosts"]["web"]["changed_since"]
    assert "changed it afterwards (event 4), and it was not read again" in said
    days.check(3, host("web", finding("b.x")), options=ONLY_B)
    assert len(days.at("2026-04-03")["hosts"]["web"]["changed_since"]) == 1  # b is not what was run
    days.check(4, web())
    assert days.at("2026-04-04")["hosts"]["web"]["changed_since"] == []


def test_a_run_after_which_it_was_read_is_in_the_evidence(days: Days) -> None:
    end = days.begin(2, web(Status.FAIL))
    end(recorded.report(web()))
    said = days.at("2026-04-02")["hosts"]["web"]
    assert (said["counts"], said["changed_since"], said["evidence"]["a"]["event"]) == ({"pass": 2}, [], 4)


def test_a_host_that_went_silent_in_a_run_is_told(days: Days) -> None:
    end = days.begin(2, web(Status.FAIL))
    end(recorded.report(UNREACHABLE))
    said = days.at("2026-04-02")["hosts"]["web"]
    assert said["evidence"]["a"]["event"] == 2
    assert "changed it afterwards" in said["changed_since"][0]


def register(**changes: object) -> Fleet:
    entry = Entry("scanner", ExceptionFile.model_validate(PERMITTED | changes), Path("scanner.yml"))
    counts = changes.get("state", "permitted") == "permitted"
    return Fleet((), stand([Judged(entry, counts, (), frozenset({"web"}))]))


def test_exceptions_that_counted(days: Days) -> None:
    days.check(2, web(), web(name="db"), fleet=register())
    days.check(4, web(), web(name="db"), fleet=register())
    for day, host_name, ids in (
        ("02", "web", ["scanner"]),
        ("02", "db", []),
        ("05T14:59", "web", ["scanner"]),
        ("05T15:01", "web", []),  # its last day is over in Japan, though no check has said so
    ):
        said = days.at(f"2026-04-{day}", "--host", host_name)["exceptions"]
        assert [entry["id"] for entry in said["counted"]] == ids
    days.check(5, web(), fleet=register(state="refused"))
    assert days.at("2026-04-05")["exceptions"]["counted"] == []
    _, out, _ = days.ask("record", "at", "2026-04-03")
    assert "exception scanner: a.x on web, until 2026-04-05 (event 2)" in out


def test_damaged_evidence_is_told_and_not_taken(days: Days) -> None:
    days.check(2, web())
    days.check(3, web(Status.FAIL))
    recorded.tamper(days.path, "UPDATE record_blobs SET data = X'00' WHERE id = 2")
    said = days.at("2026-04-03")["hosts"]["web"]
    assert (said["damaged"], said["counts"]) == ([3], {"pass": 2})
    _, out, _ = days.ask("record", "at", "2026-04-03")
    assert "NOT WHOLE: what event 3 recorded of it is damaged" in out


def test_text_names_evidence_rulebook_and_findings(days: Days) -> None:
    days.check(2, web(Status.FAIL))
    code, out, _ = days.ask("record", "at", "2026-04-02", "--host", "web")
    assert code == 0
    assert out.startswith("In force at 2026-04-03 00:00:00+00:00, as recorded up to event 2:\n")
    assert "web  1 pass, 1 fail; read 2026-04-02 03:00:00+00:00 (event 2)" in out
    assert "  fail            a.x  [S-a]  a fail" in out
    assert "rulebook rulebook (" in out


# --- history -------------------------------------------------------------------------------------------


def trends(days: Days, *words: str) -> Any:
    code, out, err = days.ask("history", "--since", "2026-04-01", "--format", "json", *words)
    assert (code, err) == (0, "")
    return json.loads(out)


def test_history_tells_every_change(days: Days) -> None:
    for day, status in ((2, Status.FAIL), (3, Status.FAIL), (4, Status.PASS), (5, Status.UNKNOWN)):
        days.check(day, web(status), web(name="db"))
    said = trends(days)
    assert [check["event"] for check in said["checks"]] == [2, 3, 4, 5]
    assert [(p["event"], p["status"]) for p in said["hosts"]["web"]["S-a"]] == [
        (2, "fail"),
        (4, "pass"),
        (5, "unknown"),
    ]
    assert [(p["event"], p["status"]) for p in said["hosts"]["db"]["S-a"]] == [(2, "pass")]
    assert list(trends(days, "--host", "web")["hosts"]) == ["web"]
    assert list(trends(days, "--clause", "S-b")["hosts"]["web"]) == ["S-b"]
    assert [check["event"] for check in trends(days, "--until", "2026-04-03")["checks"]] == [2, 3]


def test_history_as_text(days: Days) -> None:
    for day, status in ((2, Status.FAIL), (3, Status.FAIL), (4, Status.PASS), (5, Status.UNKNOWN)):
        days.check(day, web(status))
    code, out, _ = days.ask("history", "--since", "2026-04-01")
    assert code == 0
    assert (
        "  S-a  FF.?  fail at 2026-04-02 03:00:00+00:00 (event 2),"
        " pass since 2026-04-04 03:00:00+00:00 (event 4), unknown since 2026-04-05 03:00:00+00:00 (event 5)\n"
    ) in out
    assert "S-b" not in out
    assert "1 clause passed or did not apply throughout (--all shows them)" in out
    assert "at first 1 fail, 1 pass; at last 1 unknown, 1 pass" in out
    assert "S-b  ....  pass at" in days.ask("history", "--since", "2026-04-01", "--all")[1]
    assert days.ask("history")[1] == "No check was recorded in that time.\n"


def test_many_checks_share_a_column_and_the_worst_shows(days: Days) -> None:
    for number in range(85):
        days.on(2 + number // 24, number % 24)
        status = Status.FAIL if number == 41 else Status.PASS
        assert recorded.recorder(days.path).check(OPTIONS, recorded.report(web(status)))
    _, out, _ = days.ask("history", "--since", "2026-04-01")
    (line,) = [line for line in out.splitlines() if line.startswith("  S-a")]
    assert line.split()[1] == "." * 13 + "F" + "." * 15


def test_the_worst_control_of_a_clause_tells(days: Days) -> None:
    worst = [Status.PASS, Status.NOT_APPLICABLE, Status.UNKNOWN, Status.EXCEPTED]
    days.check(2, host("web", *(finding(f"a.c{n}", status) for n, status in enumerate(worst))))
    assert trends(days)["hosts"]["web"]["S-a"][0]["status"] == "unknown"


def test_damage_is_told_in_history(days: Days) -> None:
    days.check(2, web())
    days.check(3, web(Status.FAIL))
    recorded.tamper(days.path, "UPDATE record_blobs SET data = X'00' WHERE id = 2")
    code, out, _ = days.ask("history", "--since", "2026-04-01")
    assert code == 1
    assert "NOT WHOLE: what event 3 recorded of host web is damaged" in out


def test_default_is_the_last_ninety_days(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    for back in (91, 89):
        moment = now - timedelta(days=back)
        clock = type("Clock", (), {"now": staticmethod(lambda _zone, moment=moment: moment)})
        monkeypatch.setattr(store, "datetime", clock)
        assert recorded.recorder(days.path).check(OPTIONS, recorded.report(web()))
    _, out, _ = days.ask("history", "--format", "json")
    assert [check["event"] for check in json.loads(out)["checks"]] == [3]
