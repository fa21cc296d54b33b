"""What is recorded of checks, runs, proofs, drills and exceptions; by several at once; when it cannot be."""

import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun import records
from kijun.checking import Fleet, Options, Report
from kijun.drilling import HostDrill
from kijun.errors import RecordError
from kijun.exceptions.judging import Judged, Standing, stand
from kijun.exceptions.models import ExceptionFile
from kijun.exceptions.register import Entry
from kijun.model import Outcome, Status
from kijun.proving.running import Proving
from kijun.records import canonical, querying
from kijun.records.address import address
from kijun.records.store import Record
from tests.unit import recorded
from tests.unit.recorded import NOW, OPTIONS
from tests.unit.registered import PERMITTED


def happened(path: Path) -> list[querying.Happened]:
    with Record(address(str(path))) as record:
        return querying.list_events(record)


def kinds(path: Path) -> list[str]:
    return [one.event.kind for one in happened(path)]


def found(path: Path, seq: int) -> querying.Found:
    with Record(address(str(path))) as record:
        return querying.find_event(record, seq)


def count(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM record_{table}").fetchone()[0])


@pytest.fixture(name="place")
def place_(tmp_path: Path) -> Path:
    return tmp_path / "deep/record.sqlite"


def test_a_check_is_recorded_as_its_report_says(place: Path) -> None:
    wrong = recorded.long_host("web", "nothing", Status.FAIL)
    assert recorded.recorder(place).check(OPTIONS, recorded.report(wrong))
    (_, event) = happened(place)
    assert (event.payload["inventory"], event.payload["topics"]) == (["inventory/museums"], ["a", "b"])
    assert event.payload["summary"]["findings"]["fail"] == 1
    assert len(event.payload["rulebook"]) == 64
    head, *lines = found(place, 2).lines["web"]
    assert head == {"outcome": "collected", "reason": "", "counts": {"pass": 79, "fail": 1}}
    assert lines[7]["actual"] == "nothing"
    assert [line["control"] for line in lines] == [finding.control for finding in wrong.findings]
    assert "seconds" not in head


def test_the_file_and_its_folder_are_their_owners(place: Path) -> None:
    os.umask(0o022)
    recorded.fill(place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700


def test_what_has_not_changed_is_not_kept_again(place: Path) -> None:
    made, same = (
        recorded.recorder(place),
        recorded.report(recorded.long_host("web"), recorded.long_host("db")),
    )
    for _ in range(5):
        assert made.check(OPTIONS, same)
    assert count(place, "blobs") == 1  # the two hosts have the same to say, five times
    assert made.check(OPTIONS, recorded.report(recorded.long_host("web", "0.3 ms ahead")))
    assert count(place, "blobs") == 2
    assert recorded.verified(place).problems == ()
    assert found(place, 7).lines["web"][8]["actual"] == "0.3 ms ahead"


def test_a_run_is_recorded_before_and_after(place: Path) -> None:
    recorded.fill(place)
    assert kinds(place) == ["record", "check", "check", "enforce-begin", "check", "enforce-end", "check"]
    before, begin, after, end = happened(place)[2:6]
    runs = {one.payload["run"] for one in (before, begin, after, end)}
    assert len(runs) == 1
    assert begin.payload["groups"] == [{"topics": ["a"], "hosts": ["web", "db"]}]
    assert begin.ended
    assert end.payload["changed"] == ["db", "web"]
    assert found(place, 6).lines["web"][1:] == ["a : Write the file"]


def test_after_a_run_only_what_was_run_is_said_to_be_read_again(place: Path) -> None:
    made, web = recorded.recorder(place), recorded.report(recorded.long_host("web", status=Status.FAIL))
    done = recorded.enforcement(web, None)
    made.begin(done)
    done.after = recorded.report(recorded.long_host("web"), recorded.long_host("other"))
    made.end(done)
    assert happened(place)[3].hosts == ("web",)
    assert happened(place)[3].payload["summary"]["findings"]["pass"] == 80


def test_where_nothing_was_run_the_check_is_recorded(place: Path) -> None:
    done = recorded.enforcement(recorded.report(recorded.long_host("web")), None)
    assert recorded.recorder(place).end(done)
    assert kinds(place) == ["record", "check"]


def test_proofs_and_drills_are_recorded(place: Path) -> None:
    made = recorded.recorder(place)
    assert made.proofs(OPTIONS, Proving(NOW, ()), intrusive=True)
    assert made.drill(OPTIONS, [HostDrill("web", Outcome.COLLECTED, "", ())], 1)
    _, proof, drill = happened(place)
    assert proof.payload["intrusive"] is True
    assert (drill.payload["exit_code"], drill.hosts) == (1, ("web",))


def with_register(*entries: tuple[str, dict[str, object]]) -> Report:
    judged = [
        Judged(
            Entry(name, ExceptionFile.model_validate(values), Path(f"{name}.yml")),
            True,
            (),
            frozenset({"web"}),
        )
        for name, values in entries
    ]
    return replace(recorded.report(recorded.long_host("web")), fleet=Fleet((), stand(judged)))


def test_the_register_is_recorded_when_it_changes(place: Path) -> None:
    made = recorded.recorder(place)
    none, one = with_register(), with_register(("scanner", PERMITTED))
    refused = with_register(("scanner", PERMITTED | {"state": "refused"}))
    for report in (none, none, one, one, refused, none, none):
        assert made.check(OPTIONS, report)
    assert [kind for kind in kinds(place) if kind == "exceptions"] == ["exceptions"] * 3
    states = [
        [entry["state"] for entry in event.payload["entries"]]
        for event in happened(place)
        if event.event.kind == "exceptions"
    ]
    assert states == [["permitted"], ["refused"], []]


def test_each_inventory_has_a_register_of_its_own(place: Path) -> None:
    made, other = recorded.recorder(place), Options(("elsewhere",))
    for _ in range(3):
        assert made.check(OPTIONS, with_register(("scanner", PERMITTED)))
        assert made.check(other, with_register())
    assert kinds(place).count("exceptions") == 1


def test_standing_carries_what_it_rests_on() -> None:
    assert Standing().judged == ()
    assert len(with_register(("scanner", PERMITTED)).fleet.standing.judged) == 1  # type: ignore[union-attr]


# --- when it cannot be ---------------------------------------------------------------------------------


@pytest.fixture(name="blocked")
def blocked_(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("no folder")
    return tmp_path / "file/record.sqlite"


def test_a_check_that_cannot_be_recorded_is_said_and_not_lost(blocked: Path) -> None:
    made = recorded.recorder(blocked)
    assert not made.check(OPTIONS, recorded.report(recorded.long_host("web")))
    (said,) = made.said
    assert said.startswith("this check is not in the record: ")
    assert said.count(".") == said.count(".sqlite") + 1


def test_no_run_begins_that_cannot_be_recorded(blocked: Path) -> None:
    done = recorded.enforcement(recorded.report(recorded.long_host("web")), None)
    with pytest.raises(RecordError, match=r"no host was touched, .* --record names another place\.$"):
        recorded.recorder(blocked).begin(done)


def test_a_foreign_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear auditor, this is longer than a header of a database would be.\n" * 99)
    made = recorded.recorder(path)
    assert not made.check(OPTIONS, recorded.report(recorded.long_host("web")))
    assert "damaged or is not a record" in made.said[0]
    assert path.read_text().startswith("Dear auditor")


def test_a_newer_record_is_left_alone(place: Path) -> None:
    recorded.fill(place)
    recorded.tamper(place, "UPDATE record_about SET schema = 2")
    made = recorded.recorder(place)
    assert not made.check(OPTIONS, recorded.report(recorded.long_host("web")))
    assert "has schema 2, and this kijun knows schema 1" in made.said[0]
    assert count(place, "events") == 7


WRITE = """
import sys
from tests.unit import recorded
made = recorded.recorder(sys.argv[1])
for number in range(int(sys.argv[2])):
    ok = made.check(recorded.OPTIONS, recorded.report(recorded.long_host("web", f"{sys.argv[3]} {number}")))
    print(ok, *made.said)
"""


def writer(place: Path, number: int, name: str, **more: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITE, str(place), str(number), name]
    root = Path(__file__).parents[2]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True, **more)  # type: ignore[call-overload,no-any-return]


def test_processes_at_once_lose_nothing(place: Path) -> None:
    running = [writer(place, 10, name) for name in ("first", "second", "third")]
    for one in running:
        out, _ = one.communicate(timeout=120)
        assert out == "True\n" * 10
    assert recorded.verified(place).problems == ()
    said = sorted(found(place, seq).lines["web"][8]["actual"] for seq in range(2, 32))
    assert said == sorted(f"{name} {n}" for name in ("first", "second", "third") for n in range(10))


def test_a_full_disk_is_said_and_leaves_the_record_whole(place: Path) -> None:
    recorded.fill(place)
    before, size = recorded.verified(place).last, place.stat().st_size

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    out, _ = writer(place, 40, "much", preexec_fn=no_room).communicate(timeout=120)
    assert "True" not in out.splitlines()[-1]
    assert "this check is not in the record: the record" in out
    found_now = recorded.verified(place)
    assert found_now.problems == ()
    assert found_now.last is not None
    assert before is not None
    assert found_now.last.seq == before.seq + out.count("True")


KILLED = """
import os, signal, sys
from tests.unit import recorded
made = recorded.recorder(sys.argv[1])
made.begin(recorded.enforcement(recorded.report(recorded.long_host("web")), None))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_is_visible(place: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", KILLED, str(place)], cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL
    assert recorded.verified(place).problems == ()
    begin = happened(place)[-1]
    assert begin.event.kind == "enforce-begin"
    assert not begin.ended
    with Record(address(str(place))) as record:
        assert [one.event.seq for one in querying.unfinished(record)] == [3]


# --- values --------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)


@given(VALUES)
def test_equal_values_are_written_alike(value: object) -> None:
    text = canonical.canonical(value)
    assert "\n" not in text
    text.encode()
    assert canonical.canonical(value) == text


def test_a_host_cannot_fill_the_record(place: Path) -> None:
    recorded.recorder(place).check(OPTIONS, recorded.report(recorded.long_host("web", "x" * 10**6)))
    said = found(place, 2).lines["web"][8]["actual"]
    assert len(said) < 4200
    assert said.endswith("(cut from 1000000 characters)")


def test_odd_names_and_bytes_are_recorded(place: Path) -> None:
    odd = ("web\udcff", "日本", "a b\n", "\x1b[31m", "x" * 300)
    report = recorded.report(*(recorded.long_host(name, f"\udcff{name}\x00") for name in odd))
    assert recorded.recorder(place).check(OPTIONS, report)
    assert recorded.verified(place).problems == ()
    assert set(happened(place)[1].hosts) == {"web\ufffd", *odd[1:]}


def test_note_is_all_that_a_writer_needs(place: Path) -> None:
    assert records.note("rollback", {"run": "r"}, {"web": [{"file": "/etc/x"}]}, where=str(place)) == 2
    assert found(place, 2).lines == {"web": [{"file": "/etc/x"}]}
    with pytest.raises(ValueError, match="not a kind"):
        records.note("Roll back", {}, where=str(place))
    with pytest.raises(TypeError, match="cannot be recorded"):
        records.note("rollback", {"x": object()}, where=str(place))
    assert count(place, "events") == 2
