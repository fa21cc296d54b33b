"""Whatever is edited, deleted, moved or cut off in a record is found; what is not touched is not blamed."""

import contextlib
import sqlite3
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.records import blobs
from kijun.records.verifier import Chain, Checkpoint, Event, decode, event_hash, event_of, hosts_seal
from tests.unit import recorded


def test_what_nobody_touched_is_whole(filled: Path) -> None:
    found = recorded.verified(filled)
    assert found.problems == ()
    assert found.last is not None
    assert found.last.seq == 7
    assert found.last.kind == "check"


SWAP = (
    "UPDATE record_events SET seq = -1 WHERE seq = 4",
    "UPDATE record_events SET seq = 4 WHERE seq = 5",
    "UPDATE record_events SET seq = 5 WHERE seq = -1",
)
WAYS = {
    # what is done: (statements, words of a problem that is then told)
    "a payload edited": (
        ["UPDATE record_events SET payload = replace(payload, 'fail', 'pass') WHERE seq = 2"],
        "event 2: it is not what its hash says",
    ),
    "a time edited": (
        ["UPDATE record_events SET time = '2020-01-01T00:00:00.000000Z' WHERE seq = 3"],
        "event 3: it is not",
    ),
    "a name edited": (["UPDATE record_events SET who = '{}' WHERE seq = 3"], "event 3: it is not"),
    "a kind edited": (["UPDATE record_events SET kind = 'check' WHERE seq = 4"], "event 4: it is not"),
    "a hash edited": (["UPDATE record_events SET hash = '00' WHERE seq = 3"], "event 4: it does not follow"),
    "an event deleted": (["DELETE FROM record_events WHERE seq = 3"], "events are missing"),
    "one deleted, with what it found": (
        ["DELETE FROM record_events WHERE seq = 2", "DELETE FROM record_states WHERE seq = 2"],
        "event 3: it comes right after event 1",
    ),
    "one deleted and the rest renumbered": (
        ["DELETE FROM record_events WHERE seq = 3", "UPDATE record_events SET seq = 3 WHERE seq = 4"],
        "it is not what its hash says",
    ),
    "two swapped": (SWAP, "event 5: it does not follow the event before it"),
    "the beginning deleted": (["DELETE FROM record_events WHERE seq = 1"], "its beginning is missing"),
    "all deleted": (["DELETE FROM record_events"], "there is no event in it"),
    "an event inserted": (
        [
            "INSERT INTO record_events SELECT 8, time, kind, who, payload, hosts, previous, hash"
            " FROM record_events WHERE seq = 7"
        ],
        "event 8: it does not follow",
    ),
    "a finding's line edited": (
        ["UPDATE record_blobs SET data = substr(data, 1, 40) || X'00' || substr(data, 42) WHERE id = 1"],
        "damaged",
    ),
    "a blob cut off": (
        ["UPDATE record_blobs SET data = substr(data, 1, 40) WHERE id = 1"],
        "event 2: what was recorded of host",
    ),
    "a blob deleted": (["DELETE FROM record_blobs WHERE id = 1"], "event 2: what was recorded of host"),
    "a blob exchanged": (
        ["UPDATE record_states SET blob_id = (SELECT max(id) FROM record_blobs) WHERE seq = 2"],
        "event 2: what it names of hosts is not what it was sealed with",
    ),
    "a host taken out of an event": (
        [
            "DELETE FROM record_states WHERE seq = 2"
            " AND host_id = (SELECT id FROM record_hosts WHERE name = 'web')"
        ],
        "event 2: what it names",
    ),
    "a host renamed": (
        ["UPDATE record_hosts SET name = 'other' WHERE name = 'web'"],
        "event 2: what it names of hosts",
    ),
    "a host deleted": (["DELETE FROM record_hosts WHERE name = 'web'"], "event 2: what it names of hosts"),
    "a host added to an event": (
        ["INSERT INTO record_states SELECT host_id, 'check', 4, blob_id FROM record_states LIMIT 1"],
        "event 4: what it names of hosts",
    ),
    "a finding added without an event": (
        ["INSERT INTO record_states SELECT host_id, 'check', 99, blob_id FROM record_states LIMIT 1"],
        "event 99: something is said of hosts in its name",
    ),
    "a blob that nothing names": (
        ["INSERT INTO record_blobs VALUES (99, X'AA', NULL, X'00')"],
        "no event names what is under the digest",
    ),
    "a host that nothing names": (["INSERT INTO record_hosts VALUES (99, 'ghost')"], "the host ghost"),
    "bytes for a text": (
        ["UPDATE record_events SET payload = X'7B7D' WHERE seq = 3"],
        "event 3: it is no event",
    ),
    "text that is no UTF-8": (
        ["UPDATE record_events SET payload = CAST(X'FF' AS TEXT) WHERE seq = 3"],
        "event 3: it is not what its hash says",
    ),
    "text for a blob": (["UPDATE record_blobs SET data = 'x' WHERE id = 1"], "cannot be unpacked"),
    "a number for a blob": (["UPDATE record_blobs SET data = 7 WHERE id = 1"], "cannot be unpacked"),
    "text for a digest": (["UPDATE record_blobs SET digest = 'x' WHERE id = 1"], "event 2: what it names"),
    "text for a base": (
        ["UPDATE record_blobs SET base = 'x' WHERE id = 2"],
        "what it rests on is missing or damaged",
    ),
    "bytes for a host": (
        ["UPDATE record_hosts SET name = X'FF' WHERE name = 'web'"],
        "event 2: what it names",
    ),
    "text for the place of a finding": (
        ["UPDATE record_states SET seq = 'x' WHERE seq = 7"],
        "event 7: what it names",
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_tampering_is_found(copy: Path, way: str) -> None:
    statements, words = WAYS[way]
    before = copy.read_bytes()
    recorded.tamper(copy, *statements)
    assert copy.read_bytes() != before
    problems = [str(problem) for problem in recorded.verified(copy).problems]
    assert any(words in problem for problem in problems), problems


def test_the_database_refuses_accidents(copy: Path) -> None:
    connection = sqlite3.connect(copy)
    for table in ("about", "events", "hosts", "blobs", "states"):
        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            connection.execute(f"DELETE FROM record_{table}")
    with pytest.raises(sqlite3.IntegrityError, match="only added to"):
        connection.execute("UPDATE record_events SET kind = 'x'")
    connection.close()


def anchor_of(path: Path) -> Checkpoint:
    found = recorded.verified(path)
    assert found.last is not None
    return Checkpoint(found.record, found.last.seq, found.last.hash, "2026-04-01T00:00:00Z")


END = ["DELETE FROM record_events WHERE seq > 5", "DELETE FROM record_states WHERE seq > 5"]
STRAY = [
    "DELETE FROM record_blobs WHERE id NOT IN (SELECT blob_id FROM record_states)",
    "DELETE FROM record_hosts WHERE id NOT IN (SELECT host_id FROM record_states)",
]


def test_a_cut_end_is_found_by_an_anchor_only(copy: Path) -> None:
    anchor = anchor_of(copy)
    assert recorded.verified(copy, anchor).problems == ()
    recorded.tamper(copy, *END, *STRAY)
    assert recorded.verified(copy).problems == ()
    (problem,) = recorded.verified(copy, anchor).problems
    assert "the end is missing" in problem.what
    assert "has seen event 7, and the record ends at event 5" in problem.what


def test_a_record_written_anew_is_found_by_an_anchor(copy: Path, tmp_path: Path) -> None:
    anchor = anchor_of(copy)
    other = recorded.fill(tmp_path / "other.sqlite")
    assert recorded.verified(other).problems == ()
    words = " ".join(problem.what for problem in recorded.verified(other, anchor).problems)
    assert "is of another record" in words
    assert "it is another than the checkpoint" in words


def test_what_was_recorded_after_an_anchor_is_no_problem(copy: Path) -> None:
    anchor = anchor_of(copy)
    assert recorded.recorder(copy).check(recorded.OPTIONS, recorded.report(recorded.long_host("web")))
    assert recorded.verified(copy, anchor).problems == ()


LINES = st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), min_size=1, max_size=40)


@given(LINES, st.data())
def test_differences_unpack_to_what_was_packed(lines: list[bytes], data: st.DataObject) -> None:
    base = b"\n".join(lines)
    place = data.draw(st.integers(0, len(lines) - 1))
    new = b"\n".join([*lines[:place], data.draw(st.binary(max_size=30)), *lines[place + 1 :]])
    assert decode(blobs.whole(new), None) == new
    packed = blobs.difference(new, base)
    assert packed is None or decode(packed, base) == new


def test_some_topics_only_cost_little() -> None:
    base = "\n".join(f'{{"control":"t.{n}","actual":"{n * 7919} is here"}}' for n in range(90)).encode()
    part = b"\n".join(base.split(b"\n")[20:30])
    packed = blobs.difference(part, base)
    assert packed is not None
    assert len(packed) < 100
    assert decode(packed, base) == part


@given(st.binary(max_size=300), st.one_of(st.none(), st.binary(max_size=300)))
def test_any_bytes_are_damaged_or_content_but_never_an_error(data: bytes, base: bytes | None) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(decode(data, base), bytes)


@pytest.mark.parametrize("numbers", [b"01", b"+1", b" 1", b"1,1", b"2,1", b"-1", b"1_0", b"99", b"1,"])
def test_numbers_of_lines_are_written_in_one_way(numbers: bytes) -> None:
    base = b"\n".join(b"line %d" % number for number in range(20))
    packed = blobs.difference(base.replace(b"line 1\n", b"LINE 1\n"), base)
    assert packed is not None
    assert packed.startswith(b"1\n")
    with pytest.raises(ValueError, match=r"."):
        decode(packed.replace(b"1\n", numbers + b"\n", 1), base)


@pytest.mark.parametrize("numbers", [b"2,1", b"1,1", b"-2,1"])
def test_numbers_of_lines_are_in_their_order(numbers: bytes) -> None:
    base = b"\n".join(b"line %d" % number for number in range(20))
    packed = blobs.difference(base.replace(b"line 1\nline 2\n", b"LINE 1\nLINE 2\n"), base)
    assert packed is not None
    assert packed.startswith(b"1,2\n")
    old = b"\n".join(base.split(b"\n")[int(number)] for number in numbers.split(b","))
    engine = zlib.compressobj(zdict=old)
    with pytest.raises(ValueError, match=r"not the numbers of lines|another number"):
        decode(numbers + b"\n" + engine.compress(b"a\nb") + engine.flush(), base)


TEXT = st.text(max_size=20)


@given(st.tuples(st.integers(), *[TEXT] * 7), st.integers(0, 6), TEXT)
def test_every_field_is_in_the_hash(values: tuple[object, ...], place: int, other: str) -> None:
    event = event_of(values)
    changed = list(values)
    changed[place] = event.seq + 1 if place == 0 else other
    same = changed[place] == values[place]
    assert (event_hash(event_of(changed)) == event_hash(event)) is same


@given(st.lists(st.one_of(st.none(), st.integers(), st.text(), st.binary(), st.booleans()), max_size=9))
def test_what_is_no_event_is_refused(values: list[object]) -> None:
    right = len(values) == 8 and type(values[0]) is int and all(isinstance(v, str) for v in values[1:])
    if right:
        return
    with pytest.raises(ValueError, match=r"."):
        event_of(values)


def test_the_seal_tells_hosts_apart() -> None:
    assert hosts_seal({}) == ""
    assert hosts_seal({"a": "1", "b": "2"}) != hosts_seal({"a": "2", "b": "1"})
    assert hosts_seal({"a": "1", "b": "2"}) == hosts_seal({"b": "2", "a": "1"})


def test_a_first_event_that_names_no_record() -> None:
    event = Event(1, "", "record", "{}", "[]", "", "", "")
    chain = Chain(set())
    chain.take(event._replace(hash=event_hash(event)), {})
    assert [problem.what for problem in chain.end()] == ["the first event does not name the record"]
