"""What an operator, or a program, is told of proofs."""

from __future__ import annotations

import json
from collections.abc import Iterator

from kijun.proving.running import HostProofs, Proving
from kijun.records.proofs import ProofResult

SCHEMA = 1
_NOT_RUN = ProofResult.NOT_RUN
_WORDS = {
    ProofResult.PROVEN: "proven",
    ProofResult.FAILED: "FAILED",
    ProofResult.ERROR: "ERROR",
    ProofResult.NOT_RUN: "not run",
}


def as_text(done: Proving) -> list[str]:
    """Return the lines that end `kijun prove`: every control of every host, then the counts.

    What did not run stands together, by topic and reason.
    """
    lines = []
    for host in done.hosts:
        lines += [f"{host.name}: not proven: {host.problem}"] if host.problem else [f"{host.name}:"]
        ran = [(control, result) for control, result in host.controls.items() if result is not _NOT_RUN]
        lines += [f"  {_WORDS[result]:8} {control}" for control, result in ran]
        lines += _not_run(host)
        if host.log and (
            host.problem or {ProofResult.FAILED, ProofResult.ERROR} & {e.result for e in host.events}
        ):
            lines.append(f"  full log: {host.log}")
    counts = {result: done.count(result) for result in ProofResult}
    said = ", ".join(f"{number} {_WORDS[result]}" for result, number in counts.items() if number)
    lines.append(f"Controls: {said or 'nothing proven'}.")
    if any(event.reason == "needs --intrusive" for host in done.hosts for event in host.events):
        lines.append(
            "Not run: proofs that make a throw-away user or provoke a lockout; --intrusive runs them."
        )
    return lines


def _not_run(host: HostProofs) -> Iterator[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    for control, result in host.controls.items():
        if result is _NOT_RUN:
            topic, _, name = control.partition(".")
            groups.setdefault((topic, _why_not(host, control)), []).append(name)
    for (topic, reasons), names in groups.items():
        yield f"  {_WORDS[_NOT_RUN]:8} {topic}: {', '.join(names)} ({reasons})"


def _why_not(host: HostProofs, control: str) -> str:
    events = (e for e in host.events if control in e.controls and e.result is _NOT_RUN)
    return "; ".join(dict.fromkeys(event.reason or "no reason was given" for event in events))


def as_json(done: Proving) -> str:
    """Return the results as one JSON document; `schema` tells readers when its shape changes."""
    hosts = {
        host.name: {
            "problem": host.problem,
            "controls": {control: result.value for control, result in host.controls.items()},
            "tests": [
                {
                    "test": event.test,
                    "what": event.what,
                    "controls": list(event.controls),
                    "result": event.result.value,
                    "seconds": round(event.seconds, 2),
                    "reason": event.reason,
                }
                for event in host.events
            ],
        }
        for host in done.hosts
    }
    counts = {result.value: done.count(result) for result in ProofResult}
    document = {"schema": SCHEMA, "started": done.started.isoformat(timespec="seconds"), "hosts": hosts}
    return json.dumps({**document, "summary": counts}, ensure_ascii=False, indent=2)
