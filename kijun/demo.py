"""The demonstration: a real Debian host is read, found wanting, brought to the standard, and proven."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kijun import reporting
from kijun.checking import Options, Report, check
from kijun.enforcing import Enforcement, Request, enforcement_of
from kijun.enforcing.telling import summary
from kijun.errors import KijunError
from kijun.model import Grade, Status
from kijun.paths import state_dir
from kijun.proving import telling
from kijun.proving.running import Proving, prove
from kijun.records.proofs import ProofResult
from kijun.targets import Target, down, up

Say = Callable[[str], None]
READ_ONLY = ("bullseye",)  # out of support: can be read, the roles do not run there
_FORMS = {"html": "html", "json": "json", "junit": "xml", "text": "txt"}


@dataclass
class Demo:
    """One demonstration; `code` is what its last step came to (the exit codes of the command line)."""

    release: str
    say: Say
    lang: str = "en"
    folder: Path = field(default_factory=lambda: state_dir() / "reports" / "demo")  # for reports
    code: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    _step: int = 0

    def run(self, *, keep: bool = False) -> int:
        """Run all steps on a host of its own and return the exit code; the host is removed unless `keep`.

        Raises KijunError where the host cannot be made, or the report folder not be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as bad:
            raise KijunError(f"--report {self.folder} cannot be made: {bad.strerror}.") from bad
        reporting.ensure_writable(self.folder / "before.json")
        name = f"demo-{self.release}"
        with self._timed("boot", f"A fresh {self.release} host, booted for this"):
            target = up(name, release=self.release, say=self.say)
            self.say(f"{name} answers SSH at {target.address}.")
        try:
            self._steps(target)
        finally:
            if keep:
                self._kept(target)
            else:
                with _undisturbed():
                    down(name)
        return self.code

    def _steps(self, target: Target) -> None:
        options = Options(sources=(str(target.inventory),), limit=target.name)
        with self._timed("read", "What the standard says of it (kijun check)"):
            before = self._read(options, "before")
        if self.release in READ_ONLY:
            self.code = before.exit_code
            self._heading("Where this ends")
            self.say(f"Debian {self.release} is out of support: kijun reads it, its roles do not run there.")
            self.say("Mending such a host means installing a supported release.")
            self._page("before.html")
            return
        with self._timed("enforce", "Made to keep it (kijun enforce)"):
            done = enforcement_of(Request(options), self.say)
            self.say("\n".join(summary(done)))
        with self._timed("prove", "Proven by doing it (kijun prove --intrusive)"):
            self.say("Throw-away users, wrong passwords, real lockouts: this takes a few minutes.")
            proofs = prove(options, intrusive=True, say=self.say)
            self.say("\n".join(telling.as_text(proofs)))
            self._write("proofs.json", telling.as_json(proofs) + "\n")
        with self._timed("read again", "Read again (kijun check)"):
            after = self._read(options, "after")
        codes = {after.exit_code, 2 if done.failures else 0, proofs.exit_code}
        self.code = 1 if 1 in codes else max(codes)  # a failure says more than something unknown
        self._ending(before, after, done, proofs)

    def _read(self, options: Options, when: str) -> Report:
        report = check(options)
        self.say(reporting.render(report, "text", self.lang).rstrip())
        for form, suffix in _FORMS.items():
            self._write(f"{when}.{suffix}", reporting.render(report, form, self.lang))
        return report

    def _ending(self, before: Report, after: Report, done: Enforcement, proofs: Proving) -> None:
        passing = [finding for _, finding in after.findings if finding.status is Status.PASS]
        proven = sum(finding.grade is Grade.PROVEN for finding in passing)
        self._heading("What this showed")
        changed = sum(len(tasks) for tasks in done.changes.values())
        self.say(f"Before: {before.count(Status.FAIL)} of {len(before.findings)} controls failed.")
        self.say(f"Enforced in {changed} changes. Now {after.count(Status.FAIL)} fail, {len(passing)} pass.")
        self.say(f"Of those that pass, {proven} were proven by doing; {len(passing) - proven} are read only.")
        if failed := proofs.count(ProofResult.FAILED) + proofs.count(ProofResult.ERROR):
            self.say(f"{failed} controls could not be proven: see above.")
        times = ", ".join(f"{what} {seconds:.0f} s" for what, seconds in self.seconds.items())
        self.say(f"Times: {times}.")
        self._page("after.html")

    def _page(self, name: str) -> None:
        """Say where the page is that shows all of it: per clause, per host, in both languages."""
        self.say(f"The report to open in a browser (no network needed): {(self.folder / name).absolute()}")
        self.say("Beside it: the reports before and after as text, JSON and JUnit.")

    def _kept(self, target: Target) -> None:
        self.say("")
        self.say(f"Kept: {target.name}. Log in: kijun target ssh {target.name}")
        self.say(f"      Read it: kijun check -i {target.inventory} --limit {target.name}")
        self.say(f"      Remove it: kijun target down {target.name}")

    @contextmanager
    def _timed(self, what: str, heading: str) -> Iterator[None]:
        self._heading(heading)
        begun = time.monotonic()
        yield
        took = time.monotonic() - begun
        self.seconds[what] = took
        self.say(f"({took:.1f} s)")

    def _heading(self, text: str) -> None:
        self._step += 1
        self.say(f"\n== {self._step}. {text}")

    def _write(self, name: str, text: str) -> None:
        reporting.write(self.folder / name, text)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM off: a host half taken down would be left behind."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def demonstrate(release: str, say: Say, *, keep: bool, lang: str, folder: Path | None) -> int:
    """Run the demonstration and return its exit code; SIGTERM and SIGHUP end it as Ctrl-C does, cleanly."""
    if lang not in reporting.LANGUAGES:
        raise KijunError(f"there is no language {lang}; the languages are: {', '.join(reporting.LANGUAGES)}.")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    demo = Demo(release, say, lang, folder) if folder else Demo(release, say, lang)
    return demo.run(keep=keep)
