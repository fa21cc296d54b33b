"""What the events of checks, runs, proofs and drills say. Pure: results in, values that JSON can say out.

Of a check, exactly what its JSON report says of a host is kept, but for the seconds that reading took.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from kijun.documents import standard_root
from kijun.exceptions.register import load_exception
from kijun.model import Status
from kijun.records.canonical import iso
from kijun.reporting.json import document

if TYPE_CHECKING:
    from pathlib import Path

    from kijun.checking import Options, Report
    from kijun.drilling import HostDrill
    from kijun.enforcing import Enforcement
    from kijun.exceptions.judging import Judged
    from kijun.proving.running import Proving

Payload = dict[str, Any]
Found = Mapping[str, Sequence[object]]
_SENTENCES = 100  # of what went wrong in a run


def of_check(options: Options, report: Report, run: str = "") -> tuple[Payload, Found]:
    """Return payload and lines by host: a head with outcome and counts, then the findings in their order."""
    said = document(report)
    payload: Payload = {
        **_chosen(options),
        **{key: value for key, value in said.items() if key not in {"schema", "hosts"}},
        "topics": list(report.topics),
        "rulebook": rulebook_digest(),
    }
    if run:
        payload["run"] = run
    found = {name: [_head(host), *host["findings"]] for name, host in said["hosts"].items()}
    return payload, found


def _head(host: Mapping[str, Any]) -> Payload:
    counts = Counter(finding["status"] for finding in host["findings"])
    return {
        "outcome": host["outcome"],
        "reason": host["reason"],
        "counts": {status.value: counts[status.value] for status in Status if counts[status.value]},
    }


def of_register(options: Options, judged: Iterable[Judged]) -> Payload:
    """Return the register of exceptions as it counts today; remarks that change every day are the check's."""
    return {"inventory": list(options.sources), "entries": [_entry(one) for one in judged]}


def _entry(one: Judged) -> Payload:
    values = one.entry.file.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"id": one.entry.id, **values, "counts": one.counts, "selected": sorted(one.hosts)}


def of_application(options: Options, path: Path) -> Payload:
    """Return the application for an exception that was just written to `path`."""
    values = load_exception(path).model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"inventory": list(options.sources), "id": path.stem, "file": str(path), **values}


def of_run_begin(done: Enforcement, run: str) -> Payload:
    """Return what is about to be run, and where."""
    groups = [{"topics": list(group.topics), "hosts": list(group.hosts)} for group in done.plan.groups]
    return {**_chosen(done.request.options), "run": run, "groups": groups}


def of_run_end(done: Enforcement, run: str) -> tuple[Payload, Found]:
    """Return how a run ended, and by host the tasks that changed it and why it was not finished there."""
    found: dict[str, list[object]] = {}
    for _, played in done.runs:
        for name, host in played.hosts.items():
            head = {"failure": host.failure, "unreachable": host.unreachable, "changed": len(host.changed)}
            found.setdefault(name, []).extend([head, *host.changed])
    payload = {
        "run": run,
        "exit_code": done.exit_code,
        "changed": sorted(done.changes),
        "failures": done.failures[:_SENTENCES],
    }
    return payload, found


def of_proofs(options: Options, done: Proving, *, intrusive: bool) -> tuple[Payload, Found]:
    """Return what was proven; of a test its result, not the seconds it took."""
    found = {
        host.name: [
            {"problem": host.problem},
            *({"control": control, "result": result.value} for control, result in host.controls.items()),
            *({"test": e.test, "result": e.result.value, "reason": e.reason} for e in host.events),
        ]
        for host in done.hosts
    }
    payload = {
        **_chosen(options),
        "started": iso(done.started),
        "intrusive": intrusive,
        "exit_code": done.exit_code,
    }
    return payload, found


def of_drill(options: Options, hosts: Iterable[HostDrill], exit_code: int) -> tuple[Payload, Found]:
    """Return what came of restoring for trial."""
    found = {}
    for host in hosts:
        said = asdict(host)
        head = {key: value for key, value in said.items() if key not in {"name", "sets"}}
        found[host.name] = [head, *said["sets"]]
    return {**_chosen(options), "exit_code": exit_code}, found


def _chosen(options: Options) -> Payload:
    return {
        "inventory": list(options.sources),
        "limit": options.limit,
        "chosen": list(options.topics),
        "kijun": version("kijun"),
    }


def rulebook_digest() -> str:
    """Return the digest of the rulebook in use: names and contents of all its files."""
    root = standard_root()
    seal = hashlib.sha256()
    for path in sorted(root.rglob("*.yml")):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        seal.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    return seal.hexdigest()
