"""`kijun record` as an operator meets it, and what `check` and `enforce` do where nothing can be recorded."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kijun import checking, cli, enforcing
from kijun.checking import Options, Report
from kijun.enforcing import Enforcement, Request
from kijun.errors import KijunError
from kijun.model import Status
from tests.unit import recorded


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.run(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def listed(capsys: pytest.CaptureFixture[str], filled: Path, *words: str) -> list[int]:
    code, out, err = run(capsys, "record", "list", "--record", str(filled), "--format", "json", *words)
    assert (code, err) == (0, "")
    return [event["seq"] for event in json.loads(out)["events"]]


def test_list_says_what_happened(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "record", "list", "--record", str(filled))
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) == 7
    assert "db, web: 159 pass, 1 fail" in lines[1]
    assert ": a on web, db" in lines[3]
    assert "changed db, web, exit code" in lines[5]
    assert "db, new, web: 160 pass, 1 host not read" in lines[6]
    assert "NOT" not in out


def test_list_chooses(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys, filled) == [1, 2, 3, 4, 5, 6, 7]
    assert listed(capsys, filled, "--kind", "check", "--kind", "enforce-end") == [2, 3, 5, 6, 7]
    assert listed(capsys, filled, "--last", "2") == [6, 7]
    assert listed(capsys, filled, "--host", "new") == [7]
    assert listed(capsys, filled, "--host", "web") == [2, 3, 4, 5, 6, 7]
    assert listed(capsys, filled, "--since", "2999-01-01") == []
    assert listed(capsys, filled, "--until", "2999-01-01") == [1, 2, 3, 4, 5, 6, 7]
    assert listed(capsys, filled, "--until", "1999-01-01") == []


BAD = {
    "list --kind nope": "it has: check, enforce-begin, enforce-end, record.",
    "list --host nope": "the record knows no host nope",
    "list --since yesterday": "--since yesterday is no day; write YYYY-MM-DD",
    "list --until 2026-02-30": "--until 2026-02-30 is no day",
    "list --until 9999-12-31": "--until 9999-12-31 is no day",
    "list --format xml": "there is no format xml; the formats are: text, json.",
    "list --last 0": "invalid value for '--last'",
    "show 99": "there is no event 99 in the record; its events go from 1 to 7.",
    "show 2 --host nope": "event 2 says nothing of host nope",
    "show x": "invalid value for 'NUMBER'",
    "verify --anchor /no/such": "name who may sign checkpoints: --allowed-signers FILE.",
    "verify --anchor /no/such --allowed-signers /no": "/no/such: not a checkpoint of a record",
}


@pytest.mark.parametrize("words", BAD)
def test_bad_input_is_one_sentence(filled: Path, capsys: pytest.CaptureFixture[str], words: str) -> None:
    code, out, err = run(capsys, "record", *words.split(), "--record", str(filled))
    assert (code, out) == (3, "")
    assert BAD[words] in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("verb", ["list", "show 1", "verify"])
@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("/no/such/record", "there is no record at /no/such/record yet; 'kijun check' begins one."),
        ("mysql://me:secret@host/db", "and this is neither (mysql://…)."),
        ("postgresql://me:secret@host", "the URL names no database"),
        ("postgresql://me:secret@host:x/db", "not a URL of a PostgreSQL database"),
    ],
)
def test_no_record_is_one_sentence(
    capsys: pytest.CaptureFixture[str], verb: str, place: str, words: str
) -> None:
    code, out, err = run(capsys, "record", *verb.split(), "--record", place)
    assert (code, out) == (3, "")
    assert words in err
    assert err.count("\n") == 1
    assert "secret" not in err


def test_a_database_that_is_down(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "record", "list", "--record", "postgresql://me:s3cret@127.0.0.1:1/db")
    assert (code, out) == (3, "")
    assert "the record postgresql://me@127.0.0.1:1/db cannot be used" in err
    assert "s3cret" not in err
    assert err.count("\n") == 1


def test_show(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "record", "show", "2", "--record", str(filled), "--host", "web")
    assert code == 0
    assert "event 2: check" in out
    assert "fail            a.control_7  that" in out
    assert "\ndb\n" not in out
    code, out, _ = run(capsys, "record", "show", "2", "--record", str(filled), "--format", "json")
    assert sorted(json.loads(out)["found"]) == ["db", "web"]


def test_show_says_what_is_damaged(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded.tamper(copy, "UPDATE record_events SET payload = '[}' WHERE seq = 2", "DELETE FROM record_blobs")
    code, out, _ = run(capsys, "record", "show", "2", "--record", str(copy))
    assert code == 1
    assert "NOT WHOLE: the event is not what its hash says: it was edited." in out
    assert "NOT WHOLE: what was recorded of host web is missing or damaged." in out
    code, out, _ = run(capsys, "record", "list", "--record", str(copy))
    assert "(it cannot be read)  NOT WHOLE" in out


def test_no_terminal_is_steered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "record.sqlite"
    odd = recorded.report(recorded.long_host("\x1b[2Jweb", "\x1b]0;title\x07\u202e"))
    recorded.recorder(path).check(recorded.OPTIONS, odd)
    for words in (["list"], ["show", "2"]):
        _, out, _ = run(capsys, "record", *words, "--record", str(path))
        assert "web" in out
        assert not any(character in out for character in "\x1b\x07\u202e")


def test_verify(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "record", "verify", "--record", str(copy))
    assert (code, err) == (0, "")
    assert out.startswith("Whole: 7 events of record ")
    assert "cannot be told without an anchor" in out
    recorded.tamper(copy, "DELETE FROM record_events WHERE seq = 3")
    code, out, _ = run(capsys, "record", "verify", "--record", str(copy))
    assert code == 1
    assert "event 4: it comes right after event 2: events are missing" in out
    assert "NOT WHOLE: " in out
    code, out, _ = run(capsys, "record", "verify", "--record", str(copy), "--format", "json")
    document = json.loads(out)
    assert (code, document["whole"], document["problems"][0]["event"]) == (1, False, 4)


def test_verify_names_a_run_that_did_not_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "record.sqlite"
    recorded.recorder(path).begin(recorded.enforcement(recorded.report(recorded.long_host("web")), None))
    code, out, _ = run(capsys, "record", "verify", "--record", str(path))
    assert code == 0
    assert "Event 3: no event says how run " in out
    _, out, _ = run(capsys, "record", "list", "--record", str(path))
    assert "NOT ENDED" in out


def test_the_variable_names_the_record(
    filled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIJUN_RECORD", f"sqlite:///{filled}")
    assert run(capsys, "record", "verify")[0] == 0
    monkeypatch.setenv("KIJUN_RECORD", "sqlite:record")
    monkeypatch.chdir(filled.parent)
    code, _, err = run(capsys, "record", "verify")
    assert code == 3
    assert "there is no record" in err


# --- the verbs that write ------------------------------------------------------------------------------


def result(status: Status) -> Report:
    return recorded.report(recorded.long_host("web", status=status))


@pytest.mark.parametrize(("status", "code"), [(Status.PASS, 2), (Status.FAIL, 1), (Status.UNKNOWN, 2)])
def test_a_report_is_there_though_its_record_is_not(
    status: Status,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(checking, "check", lambda *_, **__: result(status))
    (tmp_path / "file").touch()
    place = str(tmp_path / "file/record")
    found, out, err = run(capsys, "check", "-i", "a", "--format", "json", "--record", place)
    assert found == code
    assert json.loads(out)["summary"]["findings"][status.value] > 0
    assert err.startswith("kijun: this check is not in the record: ")
    assert err.count("\n") == 1


def test_a_check_is_recorded_though_its_report_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "folder/report.json"
    output.parent.mkdir()

    def check(*_: object, **__: object) -> Report:
        output.parent.rmdir()
        return result(Status.PASS)

    monkeypatch.setattr(checking, "check", check)
    place = tmp_path / "record.sqlite"
    code, _, err = run(capsys, "check", "-i", "a", "-o", str(output), "--record", str(place))
    assert code == 3
    assert "cannot be written" in err
    assert listed(capsys, place) == [1, 2]


def test_a_bad_place_is_said_before_any_host_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checking, "check", lambda *_, **__: pytest.fail("a host was read"))
    assert run(capsys, "check", "-i", "a", "--record", "mysql://x/y")[0] == 3


@pytest.mark.parametrize("writable", [True, False])
def test_enforce_touches_nothing_unrecorded(
    writable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    touched = []

    def enforcement_of(request: Request, say: object, begin: object) -> Enforcement:
        done = replace(recorded.enforcement(result(Status.FAIL), None), request=request)
        begin(done)  # type: ignore[operator]
        touched.append(request)
        done.after = result(Status.PASS)
        return done

    monkeypatch.setattr(enforcing, "enforcement_of", enforcement_of)
    (tmp_path / "file").touch()
    place = tmp_path / ("record.sqlite" if writable else "file/record")
    code, _, err = run(capsys, "enforce", "-i", "a", "--record", str(place))
    if writable:
        assert (code, err, len(touched)) == (0, "", 1)
        assert listed(capsys, place) == [1, 2, 3, 4, 5]
    else:
        assert (code, touched) == (3, [])
        assert err.startswith("kijun: no host was touched, for the run cannot be recorded: ")
        assert err.count("\n") == 1


def test_a_run_whose_end_is_not_recorded_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "record.sqlite"

    def enforcement_of(request: Request, say: object, begin: object) -> Enforcement:
        done = replace(recorded.enforcement(result(Status.FAIL), None), request=request)
        begin(done)  # type: ignore[operator]
        recorded.tamper(place, "UPDATE record_about SET schema = 9")
        done.after = result(Status.PASS)
        return done

    monkeypatch.setattr(enforcing, "enforcement_of", enforcement_of)
    code, out, err = run(capsys, "enforce", "-i", "a", "--record", str(place))
    assert code == 2
    assert "web" in out
    assert err.startswith("kijun: the end of this run is not in the record: ")


def test_enforcing_begins_only_what_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    class Host:
        name, connection = "web", None

    fleet = type("F", (), {"hosts": (), "only": lambda self, _names: self})()
    monkeypatch.setattr(enforcing, "assemble", lambda _options: fleet)
    monkeypatch.setattr(enforcing, "require_resolved", lambda _hosts: None)
    monkeypatch.setattr(enforcing, "check", lambda *_, **__: result(Status.FAIL))
    monkeypatch.setattr(enforcing, "run", lambda *_: pytest.fail("a host was touched"))

    def begin(_done: Enforcement) -> None:
        raise KijunError("no")

    with pytest.raises(KijunError, match="no"):
        enforcing.enforcement_of(Request(Options(("a",))), begin=begin)
    monkeypatch.setattr(enforcing, "check", lambda *_, **__: result(Status.PASS))
    assert enforcing.enforcement_of(Request(Options(("a",))), begin=begin).runs == []
