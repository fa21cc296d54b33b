"""Sabotage: break a compliant host in every known way and see who notices, the reading or only a proof.

Each script gets a host of its own, booted from an image of a host that was brought to the standard once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kijun.checking import Options, check
from kijun.errors import KijunError
from kijun.model import Finding, Outcome, Status
from kijun.paths import data_root
from kijun.proving.running import prove
from kijun.records.proofs import ProofResult
from kijun.sabotaging.images import hardened_image
from kijun.sabotaging.scripts import Sabotage
from kijun.sabotaging.subjects import Subject, hosts_for
from kijun.targets import Target, TargetError, disposable

Say = Callable[[str], None]
_ALLOWED = (Status.PASS, Status.NOT_APPLICABLE, Status.EXCEPTED)


class Caught(StrEnum):
    """Who noticed a sabotage."""

    BY_READING = "by reading"
    BY_PROOF = "only by proof"
    NOT_CAUGHT = "NOT CAUGHT"
    NOT_BROKEN = "could not break"


@dataclass(frozen=True, slots=True)
class Trial:
    """What one sabotage on one release came to; `detail` says by what it was caught, or what went wrong."""

    script: Sabotage
    release: str
    caught: Caught
    detail: str

    @property
    def as_expected(self) -> bool:
        """Whether it was caught, and by reading where its header says so."""
        if self.caught is Caught.BY_READING:
            return True
        return self.caught is Caught.BY_PROOF and self.script.caught_by == "proof"


def run(scripts: Sequence[Sabotage], releases: Sequence[str], *, forks: int = 2, say: Say) -> list[Trial]:
    """Try every script on every release; `say` is told each result as it comes.

    Raises KijunError where the host cannot be brought to the standard in the first place: nothing could be
    concluded from sabotage then.
    """
    trials: list[Trial] = []
    for release in releases:
        chosen = [script for script in scripts if not script.releases or release in script.releases]
        for subject, suitable in hosts_for(chosen).items():
            trials += _on_one_kind(suitable, release, subject, forks, say)
    return trials


def _on_one_kind(
    scripts: Sequence[Sabotage], release: str, subject: Subject, forks: int, say: Say
) -> list[Trial]:
    """Try `scripts` on hosts of one release that have `subject`."""
    with hardened_image(release, say, subject) as image, ThreadPoolExecutor(max_workers=forks) as pool:
        kind = _Kind(release, image, subject)
        _baseline(kind, say)

        def one(script: Sabotage) -> Trial:
            trial = _try(script, kind)
            say(f"  {release}: {script.topic}/{script.name}: {trial.caught}: {trial.detail}")
            return trial

        return list(pool.map(one, scripts))


@dataclass(frozen=True, slots=True)
class _Kind:
    """The hosts of one trial after another: a release, an image, and the subject that the image has."""

    release: str
    image: Path
    subject: Subject


def _baseline(kind: _Kind, say: Say) -> None:
    """Look that nothing fails before any sabotage; KijunError where something does.

    Of topics that the subject is not about, what cannot be known may stay so (a mail server without boxes).
    """
    release = kind.release
    with _booted(f"base-{release}", kind) as (_, options):
        findings = _findings(options)
    topic = kind.subject.topic
    unclear = [
        finding
        for finding in findings.values()
        if finding.status is Status.UNKNOWN and topic and finding.topic != topic
    ]
    wrong = [f.control for f in findings.values() if f.status not in _ALLOWED and f not in unclear]
    if wrong:
        raise KijunError(
            f"the {release} {kind.subject.label} is not compliant before any sabotage: {', '.join(wrong)}."
        )
    beside = f"; {len(unclear)} of other topics cannot be known there" if unclear else ""
    passing = len(findings) - len(unclear)
    say(f"{release}: the untouched {kind.subject.label} passes {passing} controls{beside}.")


def _try(script: Sabotage, kind: _Kind) -> Trial:
    release = kind.release
    name = f"sab-{release[:2]}-{script.name.replace('_', '-')}"[:40].strip("-")
    try:
        with _booted(name, kind) as (target, options):
            done = target.run("sh -s", stdin=script.path.read_text(encoding="utf-8"), check=False)
            if done.returncode != 0:
                said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
                return Trial(script, release, Caught.NOT_BROKEN, said[-1][:200])
            return _who_noticed(script, release, options)
    except TargetError as error:
        return Trial(script, release, Caught.NOT_BROKEN, str(error))


def _who_noticed(script: Sabotage, release: str, options: Options) -> Trial:
    findings = _findings(options)
    named = [findings[control] for control in script.breaks if control in findings]
    failing = [finding for finding in named if finding.status is Status.FAIL]
    if failing and len(failing) == len(script.breaks):
        return Trial(script, release, Caught.BY_READING, f"{failing[0].control}: found {failing[0].actual}")
    if script.caught_by == "reading":
        states = ", ".join(f"{control}: {_state(findings, control)}" for control in script.breaks)
        return Trial(script, release, Caught.NOT_CAUGHT, states)
    proven = prove(options, intrusive=True, controls=script.breaks)
    events = [event for host in proven.hosts for event in host.events]
    failed = [event for event in events if event.result is ProofResult.FAILED]
    if failed:
        return Trial(script, release, Caught.BY_PROOF, f"{failed[0].test}: {failed[0].reason}")
    broken = [host.problem for host in proven.hosts if host.problem] + [e.reason for e in events if e.reason]
    return Trial(script, release, Caught.NOT_CAUGHT, broken[0] if broken else "all proofs passed")


def _state(findings: dict[str, Finding], control: str) -> str:
    return str(findings[control].status) if control in findings else "no such control"


def _findings(options: Options) -> dict[str, Finding]:
    report = check(options)
    for host in report.hosts:
        if host.outcome is not Outcome.COLLECTED:
            raise TargetError(f"{host.name} could not be read: {host.reason}")
    return {finding.control: finding for _, finding in report.findings}


@contextmanager
def _booted(name: str, kind: _Kind) -> Iterator[tuple[Target, Options]]:
    """Boot a host of its own from the image; yield it, when all its services are up, and how to read it."""
    with disposable(name, release=kind.release, image=kind.image) as target:
        target.run("timeout 50 systemctl is-system-running --wait", check=False)  # databases come up late
        yield target, Options(sources=kind.subject.sources(target, kind.image), limit=name)


def folder() -> Path:
    """Return where the sabotage scripts are: in a checkout only, an installed kijun does not carry them."""
    return data_root() / "tests" / "sabotage"
