"""What the verbs write into the record, and what is said where it cannot be.

A result is never lost with its record: what cannot be recorded is said on stderr in one sentence, and an exit
code of 0 becomes 2. Only `begin` is strict: hosts are not touched by a run that leaves no trace (S-10.1.2.b:
the content of a change is recorded).
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kijun import records
from kijun.errors import KijunError, RecordError
from kijun.records.address import address

if TYPE_CHECKING:
    from pathlib import Path

    from kijun.checking import Options, Report
    from kijun.drilling import HostDrill
    from kijun.enforcing import Enforcement
    from kijun.proving.running import Proving

Say = Callable[[str], None]


def _stderr(line: str) -> None:
    print(f"kijun: {line}", file=sys.stderr, flush=True)


class Recorder:
    """Writes into one record. RecordError where `wanted` (or $KIJUN_RECORD) is not a place for one."""

    def __init__(self, wanted: str | None = None, say: Say = _stderr) -> None:
        self.place = address(wanted)
        self._say = say
        self._run = ""

    def warm_up(self) -> None:
        """Load what writing takes; for a moment in which there is nothing else to do."""
        import kijun.records.store  # noqa: F401, PLC0415

    def check(self, options: Options, report: Report) -> bool:
        """Record a check; return whether it could be."""
        return self._try("this check", lambda: self._check(options, report))

    def begin(self, done: Enforcement) -> None:
        """Record what is about to be run, and on what grounds. RecordError where that cannot be."""
        from kijun.records.payloads import of_run_begin  # noqa: PLC0415

        run = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        try:
            self._check(done.request.options, done.before, run)
            records.note("enforce-begin", of_run_begin(done, run), where=self.place)
        except RecordError as bad:
            raise RecordError(
                f"no host was touched, for the run cannot be recorded: {bad} --record names another place."
            ) from bad
        self._run = run

    def end(self, done: Enforcement) -> bool:
        """Record how a run ended, or the check where none began; return False where an end could not be."""
        from kijun.records.payloads import of_run_end  # noqa: PLC0415

        if not self._run:
            self.check(done.request.options, done.before)
            return True

        def write() -> None:
            if done.after is not None:
                touched = {name for group in done.plan.groups for name in group.hosts}
                hosts = tuple(host for host in done.after.hosts if host.name in touched)
                self._check(done.request.options, replace(done.after, hosts=hosts), self._run)
            records.note("enforce-end", *of_run_end(done, self._run), where=self.place)

        return self._try("the end of this run", write)

    def proofs(self, options: Options, done: Proving, *, intrusive: bool) -> bool:
        """Record proofs; return whether they could be."""
        from kijun.records.payloads import of_proofs  # noqa: PLC0415

        return self._try(
            "what was proven",
            lambda: records.note("proof", *of_proofs(options, done, intrusive=intrusive), where=self.place),
        )

    def drill(self, options: Options, hosts: Sequence[HostDrill], exit_code: int) -> bool:
        """Record a drill; return whether it could be."""
        from kijun.records.payloads import of_drill  # noqa: PLC0415

        return self._try(
            "this drill",
            lambda: records.note("drill", *of_drill(options, hosts, exit_code), where=self.place),
        )

    def exception(self, options: Options, path: Path) -> bool:
        """Record an application for an exception; return whether it could be."""
        from kijun.records.payloads import of_application  # noqa: PLC0415

        return self._try(
            "this application",
            lambda: records.note("exception-new", of_application(options, path), where=self.place),
        )

    def _check(self, options: Options, report: Report, run: str = "") -> None:
        from kijun.records.payloads import of_check, of_register  # noqa: PLC0415

        judged = report.fleet.standing.judged if report.fleet else ()
        register, empty = of_register(options, judged), of_register(options, ())
        records.note_change("exceptions", register, "inventory", empty, where=self.place)
        records.note("check", *of_check(options, report, run), where=self.place)

    def _try(self, what: str, write: Callable[[], object]) -> bool:
        try:
            write()
        except KijunError as bad:
            self._say(f"{what} is not in the record: {bad}")
            return False
        return True
