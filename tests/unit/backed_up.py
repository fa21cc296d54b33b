"""What real hosts said of their backups, and what the judge says of it, with one thing changed or none."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from kijun.model import CommandResult, FileEntry, HostState, Status
from kijun.topics import backup
from kijun.topics._backup_reads import DATABASES, FSTAB, KEPT, RECORDS, SETS, SETUP, SUBJECTS

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).parent / "data/backup"
COMMANDS = {
    "setup": SETUP,
    "records": RECORDS,
    "subjects": SUBJECTS,
    "databases": DATABASES,
    "kept": KEPT,
}
FILES = {"sets": SETS, "fstab": FSTAB}
HOSTS = ["host-12", "host-13"]
PARAMS = yaml.safe_load((ROOT / "tests/subjects/backup/vars.yml").read_text(encoding="utf-8")) | {
    "backup_drill_days": 30
}
NAMES = set(backup._EXPECTED)
HOUR = 3600
BARE = dict.fromkeys((*COMMANDS, *FILES), "") | {
    "setup": "absent\n",
    "kept": "absent\n",
    "subjects": "end\n",
    "databases": "@mariadb\n@end\n",
}


def texts_of(host):
    return {kind: (DATA / f"{host}.{kind}").read_text(encoding="utf-8") for kind in (*COMMANDS, *FILES)}


def judged(texts, params=PARAMS, read_at=None):
    commands = {
        read.name: CommandResult(read.name, 0, texts[kind].encode("utf-8", "surrogateescape"))
        for kind, read in COMMANDS.items()
    }
    files = {
        read.pattern: FileEntry(read.pattern, "file", 0o600, 0, 0, 0, texts[kind].encode("utf-8", "replace"))
        for kind, read in FILES.items()
        if texts.get(kind)
    }
    declared = frozenset(read.pattern for read in FILES.values())
    state = HostState(files=files, commands=commands, read_at=read_at or 0, declared=declared)
    return {verdict.control.partition(".")[2]: verdict for verdict in backup.judge(state, params)}


def of_host(host, params=PARAMS, later=0, **changes):
    texts = texts_of(host)
    for kind, (old, new) in changes.items():
        assert re.search(old, texts[kind]), f"{old!r} is not in the captured {kind}"
        texts[kind] = re.sub(old, new, texts[kind])
    return judged(texts, params, int((DATA / f"{host}.now").read_text()) + later)


def failing(verdicts):
    return {name for name, verdict in verdicts.items() if verdict.status is Status.FAIL}


def unknown(verdicts):
    return {name for name, verdict in verdicts.items() if verdict.status is Status.UNKNOWN}
