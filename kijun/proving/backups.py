"""What the proofs of backup do on a host: make what is easily lost, look at it, ask the repository, recover.

The words used here are other programs' than the one under proof: restic itself, and Python's own library.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from testinfra.host import Host

CONFIG, STATE = "/etc/kijun/backup", "/var/lib/kijun/backup"
RESTIC = (
    f"RESTIC_CACHE_DIR=/var/cache/kijun-backup restic -o rclone.program='ssh -F {CONFIG}/ssh_config backup'"
    f" -o rclone.args=rclone --repo rclone:backup --password-file {CONFIG}/password"
)
_FINGERPRINT = r"""
import hashlib, os, sys
top = sys.argv[1]
for folder, folders, files in os.walk(top):
    for path in sorted(os.path.join(folder, name) for name in ["", *folders, *files]):
        s, link = os.lstat(path), os.path.islink(path)
        names = sorted(os.listxattr(path, follow_symlinks=False))
        attributes = [(name, os.getxattr(path, name, follow_symlinks=False).hex()) for name in names]
        plain = os.path.isfile(path) and not link
        content = hashlib.sha256(open(path, "rb").read()).hexdigest() if plain else ""
        target = os.readlink(path) if link else ""
        print(path, oct(s.st_mode), s.st_uid, s.st_gid, s.st_mtime_ns, attributes, content, target)
"""
# An access control list for user 1234, as the kernel stores it: acl(5) need not be installed.
_MAKE = r"""
import os, struct, sys
top = sys.argv[1]
os.makedirs(top + "/inner", mode=0o2750)
for name in ("plain", "owned", "listed", "attributed", "empty", "inner/Zeichen ä 字"):
    with open(f"{top}/{name}", "wb") as file:
        file.write(b"" if name == "empty" else os.urandom(50000))
os.chown(top + "/owned", 1234, 4321)
os.chmod(top + "/owned", 0o4710)
os.setxattr(top + "/attributed", "user.catalogue", b"A-17")
rows = [(1, 6, -1), (2, 7, 1234), (4, 4, -1), (16, 7, -1), (32, 0, -1)]
acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *row) for row in rows)
os.setxattr(top + "/listed", "system.posix_acl_access", acl)
os.symlink("../plain", top + "/inner/link")
os.link(top + "/plain", top + "/plain-again")
os.mkfifo(top + "/pipe")
os.utime(top + "/plain", ns=(1_000_000_000_123_456_789, 1_000_000_000_123_456_789))
"""
# A cluster made of a base backup and the log, with nothing of the one that is there; asked for one thing.
_RECOVER = r"""
set -e
cd "$1"; programs=$2; tar=$3; log=$4; database=$5; sql=$6
mkdir data
tar -xf "$tar" -C data
touch data/recovery.signal
printf "hot_standby = off\nrestore_command = 'cp $log/%%f %%p'\n" >data/postgresql.conf
: >data/postgresql.auto.conf
: >data/pg_ident.conf
echo 'local all all peer' >data/pg_hba.conf
chmod 700 data
chmod 755 . var var/lib var/lib/kijun-journal
chown -R postgres: data "$log"
as="runuser -u postgres -- $programs"
said="-c listen_addresses= -c unix_socket_directories=$1/data"
$as/pg_ctl -w -t 120 -D data -l data/said -o "$said" start >&2
for second in $(seq 120); do  # it answers when it has followed the log to its end
    if $as/psql -X -h "$1/data" -d template1 -Atc 'select 1' >/dev/null 2>&1; then break; fi
    sleep 1
done
$as/psql -X -h "$1/data" -d "$database" -Atc "$sql" || true
$as/pg_ctl -w -m immediate -D data stop >&2
"""
_WORKS = (
    "create table works (id int primary key, title varchar(80) not null, photo KIND);"
    " insert into works select n, concat('作品 ', n), CONTENT from generate_series(1, 500) n"
)


def make_easily_lost(host: Host, folder: str) -> None:
    """Make a folder with owners, an access control list, attributes, links, a pipe, letters of all sorts."""
    host.check_output("python3 -c %s %s", _MAKE, folder)


def fingerprint(host: Host, folder: str) -> str:
    """Return everything that a restore of a folder has to bring back, a line for each entry."""
    return str(host.check_output("python3 -c %s %s", _FINGERPRINT, folder))


def record_of(host: Host, name: str) -> dict[str, object]:
    """Return what the host noted under a name (a set's, or `drill-` and a set's)."""
    found = json.loads(host.check_output("cat %s", f"{STATE}/{name}.json"))
    assert isinstance(found, dict)
    return found


def newest_of(host: Host, declared: Iterable[Mapping[str, object]]) -> dict[str, object]:
    """Return, by the name of a set, what is recorded of its newest snapshot."""
    return {str(one["name"]): record_of(host, str(one["name"])).get("snapshot") for one in declared}


def elsewhere(host: Host, over: str, what: str, then: str) -> tuple[int, str]:
    """Run a command that sees `what` in the place of `over`; return its status and what it said."""
    done = host.run(
        "unshare --mount --propagation private sh -c %s 2>&1",
        f'mount --bind -- "{what}" "{over}" && exec {then}',
    )
    return int(done.rc), str(done.stdout)


def as_postgres(host: Host, command: str, *arguments: str) -> str:
    """Run a command as the user that PostgreSQL runs as; return what it printed."""
    return str(host.check_output(f"cd / && runuser -u postgres -- {command}", *arguments))


def works(kind: str, content: str) -> str:
    """Return the SQL of a table of 500 rows with texts and bytes; `content` makes these from n."""
    return _WORKS.replace("KIND", kind).replace("CONTENT", content)


def restored_dumps(host: Host, folder: str, name: str, snapshot: object) -> list[dict[str, str]]:
    """Restore a set's dumps into a folder; return their list, each with the `path` where it is now."""
    assert isinstance(snapshot, dict)
    host.check_output(f"{RESTIC} restore %s --target %s 2>&1", str(snapshot["id"]), folder)
    listed = json.loads(host.check_output("cat %s", f"{folder}{STATE}/dumps/{name}/manifest.json"))
    return [row | {"path": f"{folder}{STATE}/dumps/{name}/{row['file']}"} for row in listed]


def recovered(host: Host, folder: str, programs: str, base: Mapping[str, str], database: str) -> str:
    """Return how many rows `works` has in a cluster made of a base backup and the log below `folder`."""
    log = f"{folder}/var/lib/kijun-journal/{base['server'].replace('/', '-')}"
    sql = "select count(*) from works"
    command = "sh -c %s recover %s %s %s %s %s %s"
    return str(
        host.check_output(command, _RECOVER, folder, programs, base["path"], log, database, sql)
    ).strip()
