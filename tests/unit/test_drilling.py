"""kijun drill: what a host's answer comes to, the exit code, and what is printed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.drilling import HostDrill, exit_code, of_host, render
from kijun.model import CommandResult, HostState, Outcome

GOOD = '@record drill-files.json\n{"at": 1795572480.3, "bytes": 300000, "changed": 1, "files": 3,'
GOOD += ' "problem": "", "same": 4, "seconds": 2.7, "snapshot": "963d", "taken": 1795572467.2}\n'
BAD = '@record drill-disk.json\n{"at": 1795572481.3, "problem": "differs: /srv/a: other content",'
BAD += ' "seconds": 1.5}\n'
KEPT = '@record deletion.json\n{"answer": "refused", "at": 1795572480.3}\n'


def answered(said, records=""):
    commands = {
        name: CommandResult(name, 0, text.encode("utf-8", "surrogateescape"))
        for name, text in (("backup_drill", said), ("backup_records", records))
    }
    return of_host("db1", HostState({}, commands, read_at=1795572500))


def test_a_good_drill():
    found = answered("began 1795572480\nended 0\n", KEPT + GOOD)
    assert (found.outcome, found.failed, found.deletion) == (Outcome.COLLECTED, False, "refused")
    assert render([found], "text") == (
        "db1: files: restored: 3 files with 300000 bytes, 4 entries identical, 1 changed since (2.7 s)\n"
        "db1: deleting a backup with this host's credential: refused\n"
    )
    assert exit_code([found]) == 0


def test_a_set_that_was_not_restored_as_it_was():
    found = answered("began 1795572480\nended 1\n", KEPT + GOOD + BAD)
    assert exit_code([found]) == 1
    assert "db1: disk: NOT RESTORED as it was: differs: /srv/a: other content (1.5 s)" in render(
        [found], "text"
    )
    assert json.loads(render([found], "json"))["hosts"]["db1"]["sets"][0]["set"] == "disk"


def test_a_credential_that_can_delete_fails():
    found = answered("began 1795572480\nended 1\n", KEPT.replace("refused", "allowed") + GOOD)
    assert exit_code([found]) == 1


@pytest.mark.parametrize(
    ("said", "records", "outcome"),
    [
        ("absent\n", "", Outcome.COLLECTED),
        ("", GOOD, Outcome.MALFORMED),
        ("began 1795572480\n", GOOD, Outcome.MALFORMED),
        ("began 1795579999\nended 0\n", GOOD, Outcome.MALFORMED),  # only what an earlier drill left
        ("began 1795572480\nended 0\n", "", Outcome.MALFORMED),
    ],
)
def test_no_drill_is_no_success(said, records, outcome):
    found = answered(said, records)
    assert (found.outcome, found.sets) == (outcome, ())
    assert exit_code([found]) == (0 if outcome is Outcome.COLLECTED else 2)
    assert found.reason in render([found], "text")


def test_an_unreachable_host_is_told():
    found = HostDrill("db2", Outcome.UNREACHABLE, "there is no way to db2 port 22")
    assert render([found], "text") == "db2: unreachable: there is no way to db2 port 22\n"
    assert exit_code([found]) == 2


@given(st.text(max_size=60), st.text(max_size=200))
def test_arbitrary_answers_never_raise(said, records):
    found = answered(said, "@record drill-x.json\n" + records)
    assert render([found], "text")
    assert exit_code([found]) in (0, 1, 2)
