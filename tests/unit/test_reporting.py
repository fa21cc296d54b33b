"""The three formats, the exit codes, and where reports are written."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun import reporting
from kijun.checking import Report
from kijun.errors import KijunError
from kijun.model import Finding, Grade, HostReport, Outcome, Remark, RemarkKind, Status

WHEN = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)


def finding(status: Status = Status.FAIL, name: str = "one", **more: object) -> Finding:
    base: dict[str, object] = {
        "control": f"t.{name}",
        "topic": "t",
        "clauses": ("S-10.2.7.b",),
        "status": status,
        "grade": Grade.UNVERIFIED if status is Status.UNKNOWN else Grade.CONFIGURED,
        "expected": "at most 5",
        "actual": "10",
        "source": "/etc/x",
        "reason": "",
        "severity": "high",
        "title_en": "Title",
        "title_ja": "題名",
        "obligation": "must",
    }
    return Finding(**{**base, **more})  # type: ignore[arg-type]


def host(
    *findings: Finding, name: str = "web1", outcome: Outcome = Outcome.COLLECTED, **more: object
) -> HostReport:
    reason = "" if outcome is Outcome.COLLECTED else "no answer"
    return HostReport(name, outcome, **{"reason": reason, "seconds": 0.5, "findings": findings, **more})  # type: ignore[arg-type]


def report(*hosts: HostReport) -> Report:
    return Report("osaka-museums", WHEN, WHEN, hosts, ("t",))


PASS, FAIL, UNKNOWN = finding(Status.PASS), finding(), finding(Status.UNKNOWN, reason="why")
OTHER = finding(Status.NOT_APPLICABLE, reason="none here"), finding(Status.EXCEPTED, reason="until May")
DEAD = host(UNKNOWN, name="dead", outcome=Outcome.UNREACHABLE)
BROKEN = host(UNKNOWN, name="broken", outcome=Outcome.MALFORMED, inventory_error=True)


@pytest.mark.parametrize(
    ("hosts", "code"),
    [
        ((host(PASS, *OTHER),), 0),
        ((host(),), 0),
        ((host(PASS), host(FAIL)), 1),
        ((host(FAIL), DEAD), 1),
        ((host(PASS), DEAD), 2),
        ((host(name="x", outcome=Outcome.DENIED),), 2),
        ((host(PASS, UNKNOWN),), 2),
        ((host(FAIL), BROKEN), 3),
        ((host(finding(basis="practice", clauses=())),), 1),
    ],
)
def test_exit_codes(hosts: tuple[HostReport, ...], code: int) -> None:
    assert report(*hosts).exit_code == code


def test_json_is_the_contract() -> None:
    document = json.loads(reporting.render(report(host(FAIL), DEAD), "json", "ja"))
    assert list(document) == ["schema", "standard", "started", "finished", "hosts", "remarks", "summary"]
    assert (document["schema"], document["standard"]) == (1, "osaka-museums")
    assert document["started"] == "2026-11-24T01:02:03.000Z"
    assert document["hosts"]["web1"] == {
        "outcome": "collected",
        "reason": "",
        "seconds": 0.5,
        "findings": [
            {
                "control": "t.one",
                "topic": "t",
                "clauses": ["S-10.2.7.b"],
                "status": "fail",
                "grade": "configured",
                "expected": "at most 5",
                "actual": "10",
                "source": "/etc/x",
                "reason": "",
                "exception": "",
            }
        ],
    }
    assert document["remarks"] == []
    assert document["hosts"]["dead"]["findings"][0]["status"] == "unknown"
    assert document["summary"]["hosts"]["unreachable"] == 1
    assert document["summary"]["findings"] == {
        "pass": 0,
        "fail": 1,
        "excepted": 0,
        "not_applicable": 0,
        "unknown": 1,
    }
    assert document["summary"]["exit_code"] == 1


def test_junit_counts_and_elements() -> None:
    root = ET.fromstring(
        reporting.render(
            report(host(PASS, FAIL, UNKNOWN, *OTHER), host(name="n", outcome=Outcome.DENIED)), "junit", "en"
        )
    )
    assert {key: root.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6",
        "failures": "1",
        "errors": "2",
        "skipped": "2",
    }
    failure = root.find("testsuite[@name='web1']/testcase/failure")
    assert failure is not None
    assert "S-10.2.7.b" in (failure.text or "")
    error = root.find("testsuite[@name='n']/testcase/error")
    assert error is not None
    assert error.get("message") == "denied: no answer"


@given(st.text(max_size=60))
def test_whatever_a_host_says_the_formats_stay_valid(text: str) -> None:
    hostile = report(host(finding(actual=text, reason=text, source=text), name="h"))
    ET.fromstring(reporting.render(hostile, "junit", "en").encode())
    shown = json.loads(reporting.render(hostile, "json", "en").encode())["hosts"]["h"]["findings"][0][
        "actual"
    ]
    assert shown == text.encode("utf-8", "replace").decode() or "�" in shown or shown == text
    plain = reporting.render(hostile, "text", "en")
    assert all(c.isprintable() or c == "\n" for c in plain)
    plain.encode()


def test_surrogates_do_not_break_any_format() -> None:
    hostile = report(host(finding(actual="a\udcffb"), reason="note \udcff"))
    for form in reporting.FORMATS:
        reporting.render(hostile, form, "en").encode()


def test_text_puts_failures_first_and_equal_hosts_together() -> None:
    hosts = [host(PASS, name="good"), *(host(FAIL, name=f"bad{n:02}") for n in range(12)), DEAD]
    text = reporting.render(report(*hosts), "text", "en")
    assert text.index("bad00") < text.index("dead") < text.index("good")
    assert text.count("FAIL") == 2  # once for all twelve, once in the summary
    assert "and 4 more" in text
    for part in (
        "S-10.2.7.b 10(2)⑦第2文 (must) [high]",
        "expected: at most 5",
        "found: 10",
        "read from: /etc/x",
    ):
        assert part in text
    assert "t (configured): one" in text
    assert "\x1b" not in text
    assert "\x1b[31m" in reporting.render(report(*hosts), "text", "en", colour=True)


def test_what_does_not_apply_stands_together_by_topic_and_reason() -> None:
    none = [
        finding(Status.NOT_APPLICABLE, control=control, topic=control.partition(".")[0], reason=reason)
        for control, reason in (
            ("t.a", "no mail"),
            ("t.b", "no radio"),
            ("t.c", "no mail"),
            ("u.d", "no mail"),
        )
    ]
    lines = reporting.render(report(host(PASS, *none)), "text", "en").splitlines()
    assert lines[1:8] == [
        "  not applicable t: a, c",
        "      why: no mail",
        "  not applicable t: b",
        "      why: no radio",
        "  not applicable u: d",
        "      why: no mail",
        "  pass           t (configured): one",
    ]


def test_grades_are_never_merged() -> None:
    text = reporting.render(report(host(PASS, finding(Status.PASS, "two", grade=Grade.PROVEN))), "text", "en")
    assert "t (configured): one" in text
    assert "t (proven): two" in text


def test_text_in_japanese() -> None:
    text = reporting.render(report(host(FAIL, UNKNOWN), DEAD), "text", "ja")
    for part in ("不適合", "題名", "期待値: at most 5", "義務", "不明", "接続不可"):
        assert part in text
    assert "Title" not in text


def test_good_practice_is_no_breach() -> None:
    text = reporting.render(
        report(host(finding(basis="practice", clauses=(), obligation="none"))), "text", "en"
    )
    assert "good practice, not a clause of the standard" in text
    assert "no breach of the standard" in text


@pytest.mark.parametrize(
    ("environment", "lang"),
    [
        ({}, "en"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LC_MESSAGES": "ja", "LANG": "en_US.UTF-8"}, "ja"),
        ({"LC_ALL": "", "LANG": "ja_JP"}, "ja"),
    ],
)
def test_language_is_the_locale_s(environment: dict[str, str], lang: str) -> None:
    assert reporting.language(environment) == lang


def test_write_replaces_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "r.json"
    target.write_text("old")
    reporting.write(target, "new\n")
    assert target.read_text() == "new\n"
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def places(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "file").touch()
    yield tmp_path
    yield tmp_path / "no" / "such" / "file"
    yield tmp_path / "file" / "below"


def test_what_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    for place in places(tmp_path):
        with pytest.raises(KijunError, match="--output"):
            reporting.ensure_writable(place)
        with pytest.raises(KijunError, match="--output"):
            reporting.write(place, "x")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


REMARKS = (
    Remark(RemarkKind.FINDING, "exception", "old<scanner>", "it is over.", (), "exceptions/old.yml"),
    Remark(RemarkKind.OPEN, "exception", "outage", "not yet reported.", ("S-11.4.2",)),
    Remark(RemarkKind.EXPIRING, "exception", "soon", "in 3 days."),
)


def test_a_remark_is_in_every_format_and_only_a_finding_fails() -> None:
    fine = report(host(PASS))
    assert replace(fine, remarks=REMARKS[1:]).exit_code == 0
    made = replace(fine, remarks=REMARKS)
    assert made.exit_code == 1
    document = json.loads(reporting.render(made, "json", "en"))
    assert [one["subject"] for one in document["remarks"]] == ["old<scanner>", "outage", "soon"]
    assert document["summary"]["remarks"] == {"finding": 1, "open": 1, "expiring": 1}
    suite = ET.fromstring(reporting.render(made, "junit", "en")).find("testsuite[@name='register']")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "2")
    text = reporting.render(made, "text", "en")
    assert "FAIL           exception old<scanner>: it is over." in text
    assert "Exceptions and open items: 1 FAIL, 1 open, 1 expiring" in text
    assert "11(4)②" in text
    assert "例外措置と未処理事項: 1 不適合, 1 未処理, 1 期限間近" in reporting.render(made, "text", "ja")
    page = reporting.render(made, "html", "ja")
    assert 'id="remarks"' in page
    assert "old&lt;scanner&gt;" in page
    assert 'class="verdict fail"' in page
    assert 'id="remarks"' not in reporting.render(fine, "html", "ja")


def test_excepted_never_looks_like_a_pass() -> None:
    excepted = finding(Status.EXCEPTED, reason="exception x, until May", exception="x")
    made = report(host(excepted))
    text = reporting.render(made, "text", "en")
    assert "pass" not in text
    assert "Controls: 1 excepted" in text
    page = reporting.render(made, "html", "en")
    assert 'class="verdict excepted"' in page
    assert 'class="verdict pass"' not in page
    case = ET.fromstring(reporting.render(made, "junit", "en")).find(".//testcase")
    assert case is not None
    assert [child.tag for child in case] == ["properties", "skipped"]
    assert json.loads(reporting.render(made, "json", "en"))["summary"]["findings"]["pass"] == 0
