"""Databases and PostgreSQL's log, on what real hosts said of them, and on the same with one thing changed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.model import CommandResult, HostState, Status
from kijun.topics._backup_databases import servers
from tests.unit.backed_up import BARE, DATA, HOSTS, PARAMS, failing, judged, of_host, unknown

JOURNAL_TIMER = r"(Id=kijun-backup-journal@collection.timer\n(?:unit .*\n)*?unit )"
REFUSED = r"refused\t\d+\t\d+"


def with_sets(**more):
    """The declared sets, with more said of the one that holds databases."""
    sets = [one | more if one.get("databases") else one for one in PARAMS["backup_sets"]]
    return PARAMS | {"backup_sets": sets}


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("controls", "kind", "old", "new"),
    [
        ({"journal"}, "databases", "setting\tarchive_mode\ton", "setting\tarchive_mode\toff"),
        ({"journal"}, "databases", "setting\tarchive_mode\ton\n", ""),
        ({"journal"}, "databases", "setting\tarchive_command\t.*", "setting\tarchive_command\t/bin/true"),
        ({"journal"}, "databases", "setting\tarchive_command\t.*", "setting\tarchive_command\t"),
        ({"journal"}, "databases", "setting\tarchive_library\t.*", "setting\tarchive_library\tbasic_archive"),
        ({"journal"}, "databases", REFUSED, "refused\t3\t9999999999"),
        ({"journal"}, "databases", "(?s)@cluster.*(?=@mariadb)", ""),
        ({"journal"}, "setup", JOURNAL_TIMER + "UnitFileState=enabled", r"\1UnitFileState=disabled"),
        ({"journal"}, "setup", "kijun-backup journal collection", "true"),
        ({"journal"}, "setup", "OnUnitActiveUSec=15min", "OnUnitActiveUSec=2h"),
        ({"journal"}, "records", r"@record journal.collection.json\n", "@record gone.json\n"),
        ({"as_planned"}, "sets", "journal\tcollection\t15", "journal\tcollection\t600"),
        ({"as_planned"}, "sets", "databases\tcollection\tmariadb\n", ""),
        ({"complete"}, "records", r'(mariadb mariadb shop.*)"problem": ""', r'\1"problem": "pg_dump"'),
        ({"covered"}, "records", '"postgresql 1[57]/main museum", ', ""),
        ({"covered"}, "records", '"mariadb mariadb shop"', '"mariadb mariadb other"'),
        ({"covered"}, "subjects", "end", "elsewhere /srv/archive\nend"),
    ],
)
def test_what_loses_a_database_or_its_updates_fails(host, controls, kind, old, new):
    assert failing(of_host(host, **{kind: (old, new)})) == controls


@pytest.mark.parametrize("host", HOSTS)
def test_what_the_servers_did_not_say_to_the_end_is_no_pass(host):
    verdicts = of_host(host, databases=("@end", ""))
    assert unknown(verdicts) == {"covered", "journal"}
    assert not failing(verdicts)


@pytest.mark.parametrize("host", HOSTS)
def test_an_engine_that_is_in_no_set_is_not_covered(host):
    verdicts = of_host(host, with_sets(databases=["postgresql"]))
    assert "covered" in failing(verdicts)
    assert "mariadb shop" in verdicts["covered"].actual


@pytest.mark.parametrize(
    ("params", "reason"),
    [(with_sets(journal_minutes=0), "journal_minutes is 0"), (with_sets(databases=[]), "PostgreSQL")],
)
def test_a_host_whose_updates_nobody_asked_for_has_no_journal(params, reason):
    verdict = of_host("host-12", params)["journal"]
    assert verdict.status is Status.NOT_APPLICABLE
    assert reason in verdict.reason
    assert ("MariaDB" in verdict.reason) == any(
        "mariadb" in s.get("databases", ()) for s in params["backup_sets"]
    )


def test_what_is_not_stored_of_mariadb_is_said():
    assert "MariaDB" in of_host("host-12")["journal"].actual
    assert "MariaDB" not in of_host("host-12", with_sets(databases=["postgresql"]))["journal"].actual


@pytest.mark.parametrize("minutes", ["often", True, -1])
def test_minutes_that_are_no_number_are_no_pass(minutes):
    assert "journal" in unknown(of_host("host-12", with_sets(journal_minutes=minutes)))


@pytest.mark.parametrize(("minutes", "good"), [(10, True), (40, False)])
def test_updates_that_were_stored_too_long_ago_fail(minutes, good):
    assert ("journal" not in failing(of_host("host-12", later=minutes * 60))) == good


def test_a_database_that_is_younger_than_the_dump_is_not_missed():
    taken = re.search(r'@record collection.json\n.*?"time": (\d+)', (DATA / "host-12.records").read_text())
    assert taken
    row = "@mariadb\ndatabase\tyounger\t{}"
    assert "covered" not in failing(of_host("host-12", databases=("@mariadb", row.format(taken[1]))))
    old = row.format(int(taken[1]) - 3600)
    assert "covered" in failing(of_host("host-12", databases=("@mariadb", old)))


def test_names_of_mariadb_are_read_as_its_folders_write_them():
    said = "@mariadb\ndatabase\tmysql\t1\ndatabase\tnew@002dname\t5\n@end\n"
    state = HostState(
        {}, {"backup_databases": CommandResult("backup_databases", 0, said.encode())}, read_at=9
    )
    found = servers(state)
    assert found is not None
    assert found["mariadb mariadb"].databases == {"new-name": 5}


def test_a_timer_that_is_not_there_is_said_to_be_so():
    found = of_host("host-12", setup=("kijun-backup-journal@collection.timer", "other.timer"))["journal"]
    assert found.actual == "kijun-backup-journal@collection.timer is not there"


def test_a_host_that_was_never_set_up_keeps_no_updates():
    assert "journal" in failing(judged(BARE))


@given(st.sampled_from(HOSTS), st.integers(0, 2000), st.text(max_size=30))
def test_noise_in_what_the_servers_say_never_raises(host, place, noise):
    said = (DATA / f"{host}.databases").read_text(encoding="utf-8")
    noisy = said[:place] + noise + said[place:]
    assert of_host(host, databases=("(?s).*", noisy.replace("\\", "")))["journal"].status
