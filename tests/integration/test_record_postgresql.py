"""The record in a real PostgreSQL, Debian's package on a booted host: the same promises as in a file."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from kijun import cli
from kijun.records.address import address
from kijun.records.store import Record
from kijun.records.verifying import verify
from kijun.targets import Target, disposable
from tests.unit import recorded

pytestmark = pytest.mark.booted
PASSWORD = "not-for-anybody-7"  # of a database that lives as long as this file's tests
ROOT = Path(__file__).parents[2]

SERVE = f"""
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update && apt-get -qq -y install --no-install-recommends postgresql >/dev/null
cd /etc/postgresql/*/main
echo "listen_addresses = '*'" >conf.d/kijun.conf
echo "host all kijun all scram-sha-256" >>pg_hba.conf
systemctl restart postgresql
su postgres -c "psql -qc \\"CREATE ROLE kijun LOGIN PASSWORD '{PASSWORD}' CREATEDB\\""
"""


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIJUN_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        with disposable(f"database-{request.param[:4]}", release=request.param) as target:
            target.run(SERVE, timeout=400)
            yield target


def url(server: Target, name: str, password: str = PASSWORD) -> str:
    return f"postgresql://kijun:{password}@{server.address}/{name}"


@pytest.fixture(name="place")
def place_(server: Target, request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty database for one test."""
    name = f"t{abs(hash(request.node.nodeid))}"
    with psycopg.connect(url(server, "postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return url(server, name)


def problems(place: str) -> list[str]:
    with Record(address(place)) as record:
        return [str(problem) for problem in verify(record).problems]


def tamper(place: str, *statements: str) -> None:
    """Do as the database's owner can."""
    with psycopg.connect(place) as connection:
        for table in ("events", "states", "blobs", "hosts"):
            connection.execute(f"ALTER TABLE record_{table} DISABLE TRIGGER USER")
        for statement in statements:
            connection.execute(statement)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.run(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def test_the_record_is_kept_and_told(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    recorded.fill(place)
    assert problems(place) == []
    code, out, err = run(capsys, "record", "list", "--record", place, "--format", "json")
    assert (code, err) == (0, "")
    assert [event["kind"] for event in json.loads(out)["events"]] == [
        *("record", "check", "check", "enforce-begin", "check", "enforce-end", "check")
    ]
    code, out, _ = run(capsys, "record", "show", "2", "--record", place, "--host", "web")
    assert (code, "a.control_7" in out) == (0, True)
    code, out, _ = run(capsys, "record", "at", "2999-01-01", "--record", place)
    assert code == 3
    code, out, _ = run(capsys, "history", "--record", place)
    assert (code, "S-a" in out) == (0, True)
    assert PASSWORD not in out


def test_an_export_of_it_is_verified_without_kijun(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded.fill(place)
    files = (str(tmp_path / "verify.py"), str(tmp_path / "export"))
    assert run(capsys, "record", "export", "--record", place, "-o", files[1], "--verifier", files[0])[0] == 0
    done = subprocess.run(["python3", "-I", *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout[:16]) == (0, "Whole: 7 events ")


WAYS = {
    "edited": ["UPDATE record_events SET payload = replace(payload, 'fail', 'pass') WHERE seq = 2"],
    "deleted": ["DELETE FROM record_events WHERE seq = 3"],
    "moved": [
        "UPDATE record_events SET seq = -1 WHERE seq = 4",
        "UPDATE record_events SET seq = 4 WHERE seq = 5",
        "UPDATE record_events SET seq = 5 WHERE seq = -1",
    ],
    "found anew": ["UPDATE record_blobs SET data = 'x'::bytea WHERE id = 1"],
    "exchanged": ["UPDATE record_states SET blob_id = 2 WHERE seq = 2"],
    "renamed": ["UPDATE record_hosts SET name = 'other' WHERE name = 'web'"],
}


@pytest.mark.parametrize("way", WAYS)
def test_tampering_is_found(place: str, way: str) -> None:
    recorded.fill(place)
    tamper(place, *WAYS[way])
    assert problems(place)


@pytest.mark.parametrize(
    "statement", ["DELETE FROM record_events", "TRUNCATE record_states", WAYS["edited"][0]]
)
def test_the_database_refuses_accidents(place: str, statement: str) -> None:
    recorded.fill(place)
    with psycopg.connect(place) as connection, pytest.raises(psycopg.Error, match="only added to"):
        connection.execute(statement)
    assert problems(place) == []


WRITE = """
import sys
from tests.unit import recorded
made = recorded.recorder(sys.argv[1])
for number in range(10):
    ok = made.check(recorded.OPTIONS, recorded.report(recorded.long_host("web", f"{sys.argv[2]} {number}")))
    print(ok, *made.said)
"""


def test_processes_at_once_lose_nothing(place: str) -> None:
    names = ("first", "second", "third")
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, place, name], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for name in names
    ]
    for one in running:
        out, _ = one.communicate(timeout=120)
        assert out == "True\n" * 10
    assert problems(place) == []
    with psycopg.connect(place) as connection:
        assert connection.execute("SELECT count(*), max(seq) FROM record_events").fetchone() == (31, 31)


def test_who_may_only_add_and_read_can_record(server: Target, place: str) -> None:
    """What docs/record.md advises: kijun's role owns nothing, so it cannot lift what protects the tables."""
    recorded.fill(place)
    grants = (
        f"CREATE ROLE adder LOGIN PASSWORD '{PASSWORD}';"
        " GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO adder;"
    )
    server.run("cd /etc/postgresql/*/main && echo host all adder all scram-sha-256 >>pg_hba.conf")
    server.run("systemctl reload postgresql")
    server.run(f"su postgres -c 'psql -q -v ON_ERROR_STOP=1 {place.rpartition('/')[2]}'", stdin=grants)
    as_adder = place.replace("//kijun:", "//adder:")
    assert recorded.recorder(as_adder).check(recorded.OPTIONS, recorded.report(recorded.long_host("web")))
    assert problems(as_adder) == []
    with psycopg.connect(as_adder) as connection, pytest.raises(psycopg.Error, match="must be owner"):
        connection.execute("ALTER TABLE record_events DISABLE TRIGGER USER")


def test_a_wrong_password_is_not_repeated(server: Target, place: str) -> None:
    made = recorded.recorder(place.replace(PASSWORD, "wr0ng-word"))
    assert not made.check(recorded.OPTIONS, recorded.report(recorded.long_host("web")))
    (said,) = made.said
    assert "password authentication failed" in said
    assert "wr0ng-word" not in said
    assert "\n" not in said


def test_a_database_that_goes_down_and_comes_back(
    server: Target, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded.fill(place)
    made = recorded.recorder(place)
    server.run("systemctl stop postgresql")
    try:
        assert not made.check(recorded.OPTIONS, recorded.report(recorded.long_host("web")))
        assert made.said[0].startswith("this check is not in the record: the record postgresql://kijun@")
        code, _, err = run(capsys, "record", "verify", "--record", place)
        assert (code, err.count("\n"), PASSWORD in err) == (3, 1, False)
    finally:
        server.run("systemctl start postgresql")
    assert made.check(recorded.OPTIONS, recorded.report(recorded.long_host("web")))
    assert problems(place) == []
