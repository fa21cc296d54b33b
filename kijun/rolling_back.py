"""`kijun rollback`: which runs a host keeps, what putting one back would change, and doing it under a guard.

The keeping and putting back is the host's own (the program that the role change_guard leaves there). kijun
asks it, shows what it says, and has Ansible run `playbooks/rollback.yml`, which ends with a new login.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kijun.checking import Options
from kijun.enforcing.playing import Play, Played, Say, run, secrets_of, vault_arguments
from kijun.errors import KijunError
from kijun.inventory import Host, load_inventory, require_resolved
from kijun.model import CommandRead, Outcome, Topic
from kijun.reading.client import Reader
from kijun.terminal import printable

RUN = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9]+")
_PROGRAM = "/var/lib/kijun/guard/program"
_ASK = f"""
if [ ! -e {_PROGRAM}/__main__.py ]; then echo '{{"runs": []}}'; exit 0; fi
echo '{{"run": "@RUN@"}}' | python3 -I -B {_PROGRAM} show
true
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """What one host says: its runs, and, where one was asked for, what putting it back would change."""

    name: str
    outcome: Outcome
    reason: str = ""
    runs: tuple[Mapping[str, Any], ...] = ()
    would: Mapping[str, Any] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether putting it back would change something that is put back."""
        return any(self.would.get(key) for key in ("changes", "units", "tables"))


def look(options: Options, wanted: str = "") -> tuple[list[Host], list[Kept]]:
    """Return the chosen hosts and what each keeps, in the inventory's order.

    KijunError where `wanted` is no name of a run, and for a mistake in the inventory.
    """
    if wanted and not RUN.fullmatch(wanted):
        raise KijunError(
            f"'{wanted}' is no name of a run, such as 20261125-101500-4242; --list shows those that are kept."
        )
    topic = Topic(
        "rollback",
        (CommandRead("rollback", _ASK.replace("@RUN@", wanted), volatile=True),),
        lambda _state, _params: (),
    )
    with Reader() as reader:
        hosts = load_inventory(
            options.sources, limit=options.limit, vault_password_files=options.vault_password_files
        )
        require_resolved(hosts)
        found: dict[str, Kept] = {}
        for read in reader.read(
            [host.connection for host in hosts], [topic], forks=options.forks, timeout=options.timeout
        ):
            if read.state is None:
                found[read.name] = Kept(read.name, read.outcome, read.reason)
            else:
                found[read.name] = of_host(read.name, read.state.command("rollback").text, wanted)
    return hosts, [found[host.name] for host in hosts]


def of_host(name: str, said: str, wanted: str) -> Kept:
    """Return what a host's answer means; one that cannot be understood is malformed."""
    try:
        answer = json.loads(said)
        runs = tuple(answer.get("runs", ()))
        for row in runs:
            _row(row)
        if wanted and "changes" in answer:
            _told(answer)
    except (ValueError, TypeError, KeyError, AttributeError):
        return Kept(name, Outcome.MALFORMED, "what it keeps could not be read")
    if wanted and "changes" not in answer:
        return Kept(name, Outcome.COLLECTED, f"there is no snapshot of run {wanted} here")
    return Kept(name, Outcome.COLLECTED, "", runs, answer if wanted else {})


def listed(hosts: Sequence[Kept]) -> list[str]:
    """Return the runs that can be rolled back, the newest last."""
    lines = []
    for host in hosts:
        if host.outcome is not Outcome.COLLECTED:
            lines.append(f"{host.name}: {host.outcome}: {host.reason}")
        elif not host.runs:
            lines.append(f"{host.name}: no run is kept")
        lines += [f"{host.name}: {_row(row)}" for row in host.runs]
    return _printable(lines)


def _row(row: Mapping[str, Any]) -> str:
    when = datetime.fromtimestamp(float(row["taken"]), UTC).strftime("%Y-%m-%d %H:%M UTC")
    paths = len(row["paths"])
    counted = f", {paths} path{'' if paths == 1 else 's'}" if paths else ""
    return f"{row['run']}  {when}  {row['outcome']}{counted}  ({', '.join(row['topics']) or 'a rollback'})"


def told(host: Kept) -> list[str]:
    """Return what putting a host back would change: what may be read by all is shown line by line."""
    if host.outcome is not Outcome.COLLECTED:
        return _printable([f"{host.name}: {host.outcome}: {host.reason}"])
    if host.reason or not host.changes:
        return _printable([f"{host.name}: {host.reason or 'nothing would change'}"])
    return _printable([f"{host.name}:", *(f"  {line}" for line in _told(host.would))])


def _told(would: Mapping[str, Any]) -> list[str]:
    lines = []
    if would["later"]:
        lines.append(f"undoes these later runs too: {', '.join(would['later'])}")
    for change in would["changes"]:
        kinds = f" (now {change['from']}, then {change['to']})" if change["from"] != change["to"] else ""
        lines.append(f"{change['what']} {change['path']}{kinds}")
        lines += ["  what is in it changes too, and is not shown"] if change.get("hidden") else []
        lines += [f"  {line}" for line in change["lines"]]
    for unit, state in would["units"].items():
        lines.append(f"{'start' if state == 'active' else 'stop'} {unit}")
    for name, text in would["tables"].items():
        lines.append(f"packet filter: {'load the former' if text else 'remove the'} table {name}")
    if would["packages"]["came"]:
        lines.append(f"stay installed: {', '.join(would['packages']['came'])}")
    return lines


def _printable(lines: Sequence[str]) -> list[str]:
    return [printable(line.expandtabs(4)) for line in lines]


def put_back(options: Options, wanted: str, hosts: Sequence[Host], names: Sequence[str], say: Say) -> Played:
    """Put the hosts `names` back to before run `wanted`; each is confirmed by a new login."""
    play = Play(
        sources=tuple(options.sources),
        hosts=tuple(names),
        topics=(),
        forks=options.forks,
        vault_arguments=vault_arguments(options.vault_password_files),
        secrets=secrets_of(hosts),
        playbook="rollback.yml",
        variables={"change_guard_run": wanted},
    )
    return run(play, say)
