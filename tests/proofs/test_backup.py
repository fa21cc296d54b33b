"""Backup, shown by destroying and restoring, by asking the repository, and by making backups go wrong.

What is destroyed is a folder of the proof's own inside a set. What goes wrong does so in a mount namespace of
one command: nobody else on the host sees an empty folder or another key.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator

import pytest
from testinfra.host import Host

from kijun.proving.backups import (
    CONFIG,
    RESTIC,
    STATE,
    as_postgres,
    elsewhere,
    fingerprint,
    make_easily_lost,
    newest_of,
    record_of,
    recovered,
    restored_dumps,
    works,
)
from kijun.proving.hosts import ProofHost
from kijun.proving.turns import alone
from kijun.proving.users import ThrowawayUser


@pytest.fixture(scope="module", autouse=True)
def declared(params: dict[str, object]) -> list[dict[str, object]]:
    """Run nothing on a host for which no set is declared."""
    sets = params["backup_sets"]
    assert isinstance(sets, list)
    if not sets:
        pytest.skip("backup_sets declares no set for this host")
    return sets


@pytest.fixture
def files(declared: list[dict[str, object]], host: Host, its_turn: None) -> tuple[str, str]:
    """A set of files, and a folder of it."""
    for one in declared:
        for path in one.get("paths") or ():  # type: ignore[attr-defined]
            if host.file(str(path)).is_directory:
                return str(one["name"]), str(path)
    pytest.skip("no set holds a folder")


@pytest.fixture(autouse=True)
def its_turn(host: Host, proof: ProofHost, declared: list[dict[str, object]]) -> Iterator[None]:
    """One proof after another; a set that was well before is backed up again where it is not afterwards."""
    with alone(proof.connection.name, "backup"):
        well = set(newest_of(host, declared)) - set(host.check_output("kijun-backup due").split())
        before = newest_of(host, declared)
        yield
        due = host.check_output("kijun-backup due").split()
        after = newest_of(host, declared)
        for name in well:
            if name not in due and after[name] == before[name]:
                continue
            if host.run("kijun-backup run %s", name).rc != 0:  # smaller, without the proof's own folder
                host.run("kijun-backup accept %s", name)


@pytest.fixture
def own_folder(host: Host, files: tuple[str, str]) -> Iterator[str]:
    """A folder inside the set, with everything that is easily lost."""
    folder = f"{files[1]}/.kijun-proof-{uuid.uuid4().hex[:8]}"
    try:
        make_easily_lost(host, folder)
        yield folder
    finally:
        host.run("rm -rf -- %s", folder)


@pytest.mark.intrusive
@pytest.mark.proves("backup.as_planned", "backup.scheduled", "backup.restorable")
def test_destroyed_data_comes_back_identical(host: Host, files: tuple[str, str], own_folder: str) -> None:
    """Files are backed up by the timer's unit, destroyed, restored, and compared in everything."""
    before = fingerprint(host, own_folder)
    assert before.count("\n") >= 10
    host.check_output("systemctl start %s", f"kijun-backup@{files[0]}.service")
    newest = record_of(host, files[0])["snapshot"]
    assert isinstance(newest, dict)
    host.check_output("rm -rf -- %s", own_folder)
    assert not host.file(own_folder).exists
    host.check_output(f"{RESTIC} restore %s --target / --include %s 2>&1", str(newest["id"]), own_folder)
    assert fingerprint(host, own_folder) == before, "what was restored is not what was destroyed"


@pytest.mark.proves("backup.fresh", "backup.complete")
def test_the_repository_holds_what_the_source_holds(
    host: Host, files: tuple[str, str], declared: list[dict[str, object]]
) -> None:
    """The repository is asked now, and its newest snapshot is counted against the files of the host."""
    name = files[0]
    one = next(one for one in declared if one["name"] == name)
    host.check_output("kijun-backup verify")
    newest = record_of(host, name)["snapshot"]
    assert isinstance(newest, dict)
    listed = host.check_output(f"{RESTIC} ls --no-lock --json %s", str(newest["id"]))
    nodes = [json.loads(line) for line in listed.splitlines() if '"path"' in line]
    stored = {node["path"] for node in nodes if node.get("type") == "file"}
    words = " ".join(f"'{path}'" for path in one["paths"])  # type: ignore[attr-defined]
    taken = str(int(float(newest["time"])) - 2)
    old = host.check_output(f"find {words} -type f ! -newerct @{taken} -print0").split("\0")
    left_out = tuple(f"{path}/" for path in one.get("exclude") or ())  # type: ignore[attr-defined]
    missing = [path for path in old if path and path not in stored and not path.startswith(left_out or "\0")]
    assert stored, "the newest snapshot holds no file"
    assert not missing, f"not in the repository: {missing[:5]}"


@pytest.mark.intrusive
@pytest.mark.proves("backup.complete")
def test_an_empty_source_is_reported(host: Host, files: tuple[str, str]) -> None:
    """A backup that finds a folder empty says so, keeps the good one, and the record says so too."""
    name, folder = files
    before = record_of(host, name)["snapshot"]
    empty = host.check_output("mktemp -d")
    try:
        status, said = elsewhere(host, folder, empty, f"kijun-backup run {name}")
    finally:
        host.run("rmdir -- %s", empty)
    assert status != 0, "a backup of an empty folder ended well"
    problem = str(record_of(host, name)["problem"])
    assert problem
    assert problem in said
    assert "nothing in" in problem or "shrank" in problem or "not exist" in problem, problem
    if "nothing in" in problem:
        assert record_of(host, name)["snapshot"] == before


@pytest.mark.intrusive
@pytest.mark.proves("backup.complete")
def test_a_wrong_key_is_reported(host: Host, files: tuple[str, str]) -> None:
    """With another key nothing is stored, and the record says why."""
    name = files[0]
    wrong = host.check_output("mktemp")
    host.check_output("echo another-key >%s", wrong)
    try:
        status, _ = elsewhere(host, f"{CONFIG}/password", wrong, f"kijun-backup run {name}")
    finally:
        host.run("rm -f -- %s", wrong)
    assert status != 0, "a backup with another key ended well"
    assert "key does not open" in str(record_of(host, name)["problem"])


@pytest.mark.proves("backup.append_only", "backup.repository_guarded")
def test_the_credential_cannot_delete_or_log_in(host: Host) -> None:
    """With this host's key: no shell, no file transfer, no forwarding, and no snapshot can be deleted."""
    ssh = f"timeout 20 ssh -F {CONFIG}/ssh_config"
    shell = host.run(f"{ssh} backup 'echo kijun-$((40+2))' </dev/null || true")
    assert "kijun-42" not in shell.stdout, "the key opens a shell"
    listing = host.run(f"echo 'ls /' | timeout 20 sftp -F {CONFIG}/ssh_config -b - backup || echo refused")
    assert "refused" in listing.stdout, "the key opens file transfer"
    forwarded = host.run(f"{ssh} -o ClearAllForwardings=no -W 127.0.0.1:22 backup </dev/null || true")
    assert "SSH-2.0" not in forwarded.stdout, "the key opens a way to other ports"
    before = host.check_output(f"{RESTIC} snapshots --no-lock --json")
    oldest = json.loads(before)[0]["id"]
    host.run(f"timeout --signal=INT 8 {RESTIC} forget %s", str(oldest))
    host.run(f"timeout --signal=INT 8 {RESTIC} key remove %s", "00000000")
    assert host.check_output(f"{RESTIC} snapshots --no-lock --json") == before, "a snapshot was deleted"


@pytest.mark.intrusive
@pytest.mark.proves("backup.key_protected")
def test_an_ordinary_user_cannot_read_the_key(host: Host, throwaway_user: ThrowawayUser) -> None:
    """Neither the repository's key nor the SSH key nor the records can be read by another user."""
    for path in (f"{CONFIG}/password", f"{CONFIG}/ssh_key", STATE, "/var/cache/kijun-backup"):
        done = host.run("runuser -u %s -- ls -R -- %s", throwaway_user.name, path)
        read = host.run("runuser -u %s -- cat -- %s", throwaway_user.name, path)
        assert done.rc != 0 or not host.file(path).is_directory, f"{path} can be listed by anybody"
        assert read.rc != 0, f"{path} can be read by anybody"


@pytest.mark.intrusive
@pytest.mark.proves("backup.restorable")
def test_the_drill_notices_what_is_missing(host: Host, files: tuple[str, str], own_folder: str) -> None:
    """A drill goes well on what is alike, and fails where one file of the host is not what was stored."""
    name = files[0]
    other = host.check_output("mktemp")
    host.check_output("head -c 50000 /dev/urandom >%s && sleep 3", other)
    host.check_output("kijun-backup run %s", name)
    try:
        status, said = elsewhere(host, f"{own_folder}/plain", other, f"kijun-backup drill {name}")
        assert status != 0, "the drill did not notice that a file differs"
        assert f"{own_folder}/plain" in said
    finally:
        host.run("rm -f -- %s", other)
        host.check_output("kijun-backup drill %s", name)
    record = record_of(host, f"drill-{name}")
    assert record["problem"] == ""
    assert record["files"], "nothing was restored"


@pytest.fixture
def package(host: Host, params: dict[str, object], its_turn: None) -> Iterator[tuple[str, str]]:
    """A package of one file that can be installed: where it lies, and the file. Purged afterwards."""
    paths = params["backup_program_paths"]
    assert isinstance(paths, list)
    if not paths:
        pytest.skip("backup_program_paths names nothing to copy")
    name = f"kijun-proof-{uuid.uuid4().hex[:8]}"
    place = host.check_output("mktemp -d")
    inside = f"{place}/tree{paths[0]}/{name}"
    control = f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: kijun\nDescription: a proof\n"
    try:
        host.check_output(f"mkdir -p {place}/tree/DEBIAN {inside.rpartition('/')[0]} && echo here >{inside}")
        host.check_output("printf %%b %s >%s", control, f"{place}/tree/DEBIAN/control")
        host.check_output(
            f"chmod -R u=rwX,go=rX {place}/tree && dpkg-deb --build {place}/tree {place}/{name}.deb"
        )
        yield f"{place}/{name}.deb", f"{paths[0]}/{name}"
    finally:
        host.run("dpkg --purge %s", name)
        host.run("rm -rf -- %s", place)


@pytest.mark.intrusive
@pytest.mark.proves("backup.program_copy")
def test_a_change_of_packages_makes_a_copy(host: Host, package: tuple[str, str]) -> None:
    """A package is installed with dpkg, and soon a copy with its file is in the repository."""
    archive, file = package
    host.check_output("dpkg --install %s", archive)
    assert host.file(file).exists
    changed = float(host.check_output("stat -c %Y /var/lib/dpkg/status"))
    end = time.monotonic() + 90
    newest: object = {}
    while time.monotonic() < end:
        newest = record_of(host, "programs")["snapshot"]
        if isinstance(newest, dict) and float(newest["time"]) >= changed:
            break
        time.sleep(2)
    assert isinstance(newest, dict)
    assert float(newest["time"]) >= changed, "no copy was made after the change"
    assert file in host.check_output(f"{RESTIC} ls --no-lock %s %s", str(newest["id"]), file)


@pytest.fixture
def databases(declared: list[dict[str, object]], host: Host, its_turn: None) -> dict[str, object]:
    """A set that holds databases."""
    for one in declared:
        if one.get("databases"):
            return one
    pytest.skip("no set holds databases")


@pytest.fixture
def postgresql(host: Host, databases: dict[str, object]) -> str:
    """The folder of the programs of a PostgreSQL cluster that the set holds."""
    engines = databases["databases"]
    assert isinstance(engines, list)
    found = host.run("ls -d /etc/postgresql/*/*").stdout.split() if "postgresql" in engines else []
    if not found:
        pytest.skip("no set holds databases of PostgreSQL")
    return f"/usr/lib/postgresql/{found[0].split('/')[3]}/bin"


@pytest.fixture
def own_database(host: Host, postgresql: str) -> Iterator[str]:
    """A database of the proof's own in PostgreSQL."""
    name = f"kijun_proof_{uuid.uuid4().hex[:8]}"
    try:
        as_postgres(host, "createdb %s", name)
        as_postgres(host, "psql -qX -d %s -c %s", name, works("bytea", "sha256(convert_to(n::text, 'UTF8'))"))
        yield name
    finally:
        host.run("cd / && runuser -u postgres -- dropdb --if-exists --force %s", name)


@pytest.fixture
def own_mariadb(host: Host, databases: dict[str, object]) -> Iterator[str]:
    """A database of the proof's own in MariaDB; "" where the set holds none of these."""
    engines, name = databases["databases"], f"kijun_proof_{uuid.uuid4().hex[:8]}"
    assert isinstance(engines, list)
    if "mariadb" not in engines:
        yield ""
        return
    sql = works("blob", "unhex(md5(n))").replace(
        "generate_series(1, 500) n", "(select seq n from seq_1_to_500) s"
    )
    try:
        host.check_output(
            "mariadb --default-character-set=utf8mb4 -e %s", f"create database {name}; use {name}; {sql}"
        )
        yield name
    finally:
        host.run("mariadb -e %s", f"drop database if exists {name}")


@pytest.fixture
def place(host: Host) -> Iterator[str]:
    """A folder that is removed afterwards."""
    folder = host.check_output("mktemp -d -p /var/tmp")
    try:
        yield folder
    finally:
        host.run("rm -rf -- %s", folder)


@pytest.mark.intrusive
@pytest.mark.proves("backup.complete", "backup.restorable")
def test_destroyed_databases_come_back_identical(
    host: Host, databases: dict[str, object], own_database: str, own_mariadb: str, place: str
) -> None:
    """Databases of both kinds are backed up, dropped, loaded from the repository, and dumped: the same."""
    ways = {own_database: f"cd / && runuser -u postgres -- pg_dump {own_database} | grep -v restrict"}
    if own_mariadb:
        ways[own_mariadb] = f"mariadb-dump --skip-dump-date --hex-blob {own_mariadb}"
    before = {name: str(host.check_output(way)) for name, way in ways.items()}
    assert all("作品" in text for text in before.values())
    set_name = str(databases["name"])
    host.check_output("systemctl start %s", f"kijun-backup@{set_name}.service")
    snapshot = record_of(host, set_name)["snapshot"]
    rows = {row.get("name"): row for row in restored_dumps(host, place, set_name, snapshot)}
    as_postgres(host, "dropdb %s", own_database)
    host.check_output(
        "cd / && runuser -u postgres -- pg_restore --create -d template1 <%s", rows[own_database]["path"]
    )
    if own_mariadb:
        host.check_output("mariadb -e %s", f"drop database {own_mariadb}")
        host.check_output("mariadb <%s", rows[own_mariadb]["path"])
    assert {name: str(host.check_output(way)) for name, way in ways.items()} == before


@pytest.mark.intrusive
@pytest.mark.proves("backup.complete")
def test_a_dump_that_is_empty_or_lacks_rows_is_reported(
    host: Host, databases: dict[str, object], postgresql: str, own_database: str, place: str
) -> None:
    """A pg_dump that writes nothing, or tables without rows, ends as a problem of the set."""
    name = str(databases["name"])
    host.check_output("cp %s %s && chmod 755 %s", f"{postgresql}/pg_dump", f"{place}/real", place)
    asked = f"case $1 in -V) exec {place}/real -V ;; esac"  # by pg_dumpall, whether it is the right one
    for does, said in (("exit 0", "no dump"), (f'exec {place}/real --schema-only "$@"', "rows of 0 tables")):
        script = f"#!/bin/sh\n{asked}\n{does}\n"
        host.check_output("printf %%s %s >%s && chmod 755 %s", script, f"{place}/it", f"{place}/it")
        status, _ = elsewhere(host, f"{postgresql}/pg_dump", f"{place}/it", f"kijun-backup run {name}")
        assert status != 0, f"a backup ended well although pg_dump does: {does}"
        assert said in str(record_of(host, name)["problem"])


@pytest.fixture
def journal(host: Host, databases: dict[str, object], postgresql: str) -> str:
    """The name of a set whose updates are stored; they are again after the proof."""
    if databases.get("journal_minutes", 15) == 0:
        pytest.skip("journal_minutes is 0")
    return str(databases["name"])


@pytest.mark.intrusive
@pytest.mark.proves("backup.journal")
def test_what_was_written_after_the_backup_comes_back(
    host: Host, journal: str, postgresql: str, place: str, request: pytest.FixtureRequest
) -> None:
    """A database that is younger than the backup comes up in a cluster made of the backup and the log."""
    host.check_output("kijun-backup run %s", journal)
    younger = str(request.getfixturevalue("own_database"))
    host.check_output("kijun-backup journal %s", journal)
    rows = restored_dumps(host, place, journal, record_of(host, journal)["snapshot"])
    updates = record_of(host, f"journal.{journal}")["snapshot"]
    assert isinstance(updates, dict)
    host.check_output(f"{RESTIC} restore %s --target %s 2>&1", str(updates["id"]), place)
    base = next(row for row in rows if row["kind"] == "base")
    assert recovered(host, place, postgresql, base, younger) == "500"


@pytest.mark.intrusive
@pytest.mark.proves("backup.journal")
def test_updates_that_are_not_kept_are_reported(host: Host, journal: str, own_database: str) -> None:
    """Where PostgreSQL cannot hand over its log, that is said, and it is stored once it can."""
    spool = host.check_output("ls -d /var/lib/kijun-journal/*").split()[0]
    try:
        host.check_output("chmod 500 %s", spool)
        assert host.run("kijun-backup journal %s", journal).rc != 0, "nobody noticed"
        assert "cannot hand over" in str(record_of(host, f"journal.{journal}")["problem"])
    finally:
        host.check_output("chmod 700 %s", spool)
        as_postgres(host, "psql -qXAt -c %s", "select pg_create_restore_point('kijun')")
        host.check_output("kijun-backup journal %s", journal)
    assert record_of(host, f"journal.{journal}")["problem"] == ""
