"""Time synchronisation (clause S-11.1.5.b-1): the clock is right, and the servers agree with each other.

Judged by what the daemon that keeps the clock has measured, not by its being active, whichever daemon it is.
A container whose clock is its machine's has nothing to keep, unless a daemon was set up in it to measure.
What stays possible: a source that is itself wrong is believed where no other contradicts it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kijun.model import FleetJudge, HostState, Params, Topic, Verdict
from kijun.parsers.timekeeping import TimeError
from kijun.topics import _time_serving
from kijun.topics._mail_said import Said, bad, beside, good, unsure
from kijun.topics._mail_view import listed
from kijun.topics._time_keeping import Keeping, keeping
from kijun.topics._time_reads import CONFIG, NOW, UNITS
from kijun.topics._time_skew import CONTROL as SKEW
from kijun.topics._time_skew import judge_skew, note
from kijun.topics._time_view import NAMES, Unit, View, view

_STARTING = 30  # seconds in which a daemon may not have heard of its sources yet
_FILES = "/etc/chrony, /etc/systemd, /etc/ntpsec"


def judge(state: HostState, params: Params) -> Iterator[Verdict]:
    """Yield one verdict for each control of time_sync but the skew, which is the fleet's."""
    said: dict[str, Said]
    try:
        seen = view(state)
    except TimeError as why:
        said = dict.fromkeys(_CONTROLS, unsure(f"{why}.", "/proc/1, systemctl show, ps"))
    else:
        if seen.has_subject:
            kept = keeping(seen, params, state.read_at)
            said = {name: control(kept) for name, (_, control) in _CONTROLS.items()}
        else:
            said = dict.fromkeys(_CONTROLS, _of_the_machine(seen))
    for name, (expected, _) in _CONTROLS.items():
        found = said[name]
        yield Verdict(
            f"time_sync.{name}",
            found.status,
            expected.format(**params),
            found.actual,
            found.source,
            found.reason,
        )


def _of_the_machine(seen: View) -> Said:
    kind = f"this is a container ({seen.container}) that" if seen.container else "this host"
    return beside(
        f"{kind} may not set its clock, and no time daemon runs: the clock is that of the machine that it"
        " runs on, which is to be checked itself.",
        "/proc/1/status",
    )


def _one_daemon(kept: Keeping) -> Said:
    seen = kept.view
    running = [NAMES.get(unit.name, unit.name) for unit in seen.running]
    running += [f"{process.arguments[0]} (process {process.pid})" for process in seen.strays]
    if not running:
        return bad("no time daemon runs", "systemctl show")
    if len(running) > 1:
        return bad(f"{len(running)} run: {listed(running)}", "systemctl show, ps")
    if kept.unit is None:
        return bad(f"{running[0]} belongs to no service that starts it at boot", "ps")
    return _at_boot(kept, kept.unit, running[0])


def _at_boot(kept: Keeping, unit: Unit, name: str) -> Said:
    seen = kept.view
    if not unit.at_boot:
        return bad(f"{name} runs and is not started at boot", f"systemctl is-enabled {unit.name}")
    rivals = [NAMES.get(u.name, u.name) for u in seen.units.values() if u.at_boot and u is not unit]
    if rivals:
        return bad(f"{name} runs, and {listed(rivals)} would start at boot too", "systemctl is-enabled")
    if kept.process is not None and kept.process.only_measures and seen.own_clock:
        return bad("chronyd runs with -x: it measures the clock and never sets it", "/etc/default/chrony")
    return good(f"{name}, started at boot", f"systemctl show {unit.name}")


def _measured(judged: Callable[[Keeping], Said]) -> Callable[[Keeping], Said]:
    """Return a control that needs what the daemon has measured."""

    def control(kept: Keeping) -> Said:
        if kept.unit is None:
            return bad("no time daemon runs", "systemctl show")
        if kept.is_master:
            return beside(
                "this host is declared the master: its own clock counts (time_sync_servers is empty).",
                "time_sync_serve_networks",
            )
        if kept.clock is None:
            return unsure(f"{kept.problem}.", kept.source)
        return judged(kept)

    return control


@_measured
def _reachable(kept: Keeping) -> Said:
    assert kept.clock is not None
    by_name: dict[str, bool] = {}
    for source in kept.clock.sources:
        by_name[source.name] = by_name.get(source.name, False) or source.answers
    dead = [name for name, answers in by_name.items() if not answers]
    if not by_name:
        return bad("the daemon has no source", kept.source)
    if dead and kept.age < _STARTING:
        return unsure(
            f"the daemon started {kept.age} s ago and waits for {listed(dead)}; ask again in a minute.",
            kept.source,
        )
    if dead:
        return bad(f"no answer to the last polls from {listed(dead)}", kept.source)
    return good(f"{listed(list(by_name))} answered", kept.source)


@_measured
def _accuracy(kept: Keeping) -> Said:
    assert kept.clock is not None
    clock, starting = kept.clock, kept.age < _STARTING
    if not clock.reference:
        if starting:
            return unsure(f"the daemon started {kept.age} s ago; ask again in a minute.", kept.source)
        return bad("the clock follows no source", kept.source)
    measured = f"off by {_ms(clock.offset)}, give or take {_ms(clock.distance)}, by {clock.reference}"
    if clock.error <= kept.max_offset:
        return good(measured, kept.source)
    if starting and abs(clock.offset) <= kept.max_offset:
        return unsure(
            f"the daemon started {kept.age} s ago and is still measuring ({measured}).", kept.source
        )
    return bad(measured, kept.source)


@_measured
def _sources(kept: Keeping) -> Said:
    if kept.source_problem:
        return unsure(f"{kept.source_problem}.", kept.source)
    declared = {name.lower() for name in kept.servers}
    strangers = [name for name in kept.names if name.lower() not in declared]
    if strangers:
        return bad(f"{listed(strangers)} is not declared in time_sync_servers", kept.source)
    missing = [name for name in kept.servers if name.lower() not in {n.lower() for n in kept.names}]
    if missing and not kept.uses_one:
        return bad(f"{listed(missing)} is declared and not used", kept.source)
    return good(listed(kept.names) or "none", kept.source)


def _protected(kept: Keeping) -> Said:
    files = [file for file in kept.view.files.values() if file.path.startswith("/etc/")]
    if not files:
        return beside("no time daemon's configuration is there.", _FILES)
    wrong = [
        file.path
        for file in files
        if file.uid != 0 or file.mode & 0o002 or (file.mode & 0o020 and file.gid != 0)
    ]
    if wrong:
        return bad(f"others than root can write {listed(wrong)}", wrong[0])
    return good(f"{len(files)} files and directories are", _FILES)


def _in_force(kept: Keeping) -> Said:
    if kept.unit is None:
        return bad("no time daemon runs", "systemctl show")
    if kept.other_config:
        return bad(f"it runs with {kept.other_config}", "ps")
    if kept.since is None:
        return unsure("when the daemon began could not be read.", "ps")
    newer = [file.path for file in kept.config_files if file.mtime > kept.since]
    if newer:
        return bad(f"{listed(newer)} was written after the daemon began", newer[0])
    return good("no file was written since the daemon began", kept.source)


_CONTROLS: dict[str, tuple[str, Callable[[Keeping], Said]]] = {
    "accuracy": ("the clock is off by at most {time_sync_max_offset_ms} ms", _accuracy),
    "reachable": ("every source answered one of its last polls", _reachable),
    "one_daemon": ("one time daemon keeps the clock, and starts at boot", _one_daemon),
    "sources": ("the servers of time_sync_servers, and no other", _sources),
    "serving": ("time is given to the networks of time_sync_serve_networks only", _time_serving.serving),
    "configuration_protected": ("owned by root, and nobody else can write", _protected),
    "in_force": ("the running daemon has read its configuration", _in_force),
}


def _ms(seconds: float) -> str:
    return f"{abs(seconds) * 1000:.3f} ms" if abs(seconds) < 1 else f"{abs(seconds):.1f} s"


TOPIC = Topic(
    slug="time_sync",
    reads=(UNITS, CONFIG, NOW),
    judge=judge,
    judge_fleet=FleetJudge(frozenset({SKEW}), note, judge_skew),
)
