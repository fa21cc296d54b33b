"""The controls of unused_ports that are about the packet filter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from kijun.model import HostState, Status, Verdict
from kijun.parsers.nftables import Ruleset
from kijun.topics._ports_declared import Declared
from kijun.topics._ports_openings import Openings, TooLargeError, essentials, examine
from kijun.topics._ports_reads import (
    BOOT_UNIT,
    CONF,
    DROP_IN,
    FILES,
    LEGACY,
    UFW,
    NoNftError,
    Unit,
    UnreadableError,
    boot_rules,
    legacy_rules,
    loaded_rules,
    properties,
    units,
)

_LOADED = "nft -j list ruleset"
_UNIT = "nftables.service"
_DEBIANS = (f"/usr/lib/systemd/system/{_UNIT}", f"/lib/systemd/system/{_UNIT}")
_RIVALS = ("ufw.service", "firewalld.service", "netfilter-persistent.service")


@dataclass(frozen=True)
class Facts:
    """What the filter is judged from: the declarations, with the SSH server's port among them."""

    state: HostState
    declared: tuple[Declared, ...]
    ways_in: tuple[Declared, ...]

    @cached_property
    def loaded(self) -> Ruleset:
        """The rules in the kernel; raises NoNftError and UnreadableError."""
        return loaded_rules(self.state)

    @cached_property
    def openings(self) -> Openings:
        """What the rules in the kernel open; raises TooLargeError besides."""
        return examine(self.loaded, self.declared)


def judge_filter(facts: Facts) -> Iterator[Verdict]:
    """Yield a verdict for each control of the filter."""
    yield _judged("default_drop", "what is not declared is dropped, over IPv4 and IPv6", _default_drop, facts)
    yield _judged(
        "declared_only", "the declared ports, and only to whom they are declared", _declared_only, facts
    )
    yield _judged("essentials", "answers, loopback and ICMP's necessary messages pass", _essentials, facts)
    yield _judged("way_in", "the SSH server's port is open", _way_in, facts)
    yield _judged("redirected", "no redirection opens an undeclared port", _redirected, facts)
    yield _judged("in_force", f"the rules of {CONF} are loaded as they are", _in_force, facts)
    yield _judged("at_boot", f"{_UNIT} loads the same before the network, and keeps it", _at_boot, facts)
    yield _judged("one_firewall", "nothing else filters beside nftables", _one_firewall, facts)
    yield _judged("configuration_protected", "owned by root, and nobody else can write", _protected, facts)


_Answer = tuple[bool, str, str]  # whether it is so, what was found, where
_Judge = Callable[[Facts], _Answer]


def _judged(name: str, expected: str, judge: _Judge, facts: Facts) -> Verdict:
    control = f"unused_ports.{name}"
    try:
        good, actual, source = judge(facts)
    except NoNftError as none:
        if name in ("essentials", "way_in"):
            return Verdict(
                control, Status.NOT_APPLICABLE, expected, "", _LOADED, "nothing filters on this host"
            )
        return Verdict(control, Status.FAIL, expected, str(none), _LOADED)
    except UnreadableError as bad:
        return Verdict(control, Status.UNKNOWN, expected, "", _LOADED, str(bad))
    except TooLargeError:
        reason = "the ruleset tells more ports and addresses apart than can be tried"
        return Verdict(control, Status.UNKNOWN, expected, "", _LOADED, reason)
    except _UndecidedError as bad:
        return Verdict(control, Status.UNKNOWN, expected, "", _LOADED, str(bad))
    return Verdict(control, Status.PASS if good else Status.FAIL, expected, actual, source)


class _UndecidedError(Exception):
    """Some rule cannot be followed, and it matters."""


def listed(items: Iterable[object], most: int = 5) -> str:
    """Return the first few of `items`, and how many more there are."""
    words = [str(item) for item in items]
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def _default_drop(facts: Facts) -> _Answer:
    found = facts.openings.open_by_default
    certain = [one for one in found if one.endswith("accepted")]
    if found and not certain:
        raise _UndecidedError(f"some rule cannot be followed: {listed(found)}")
    return not found, listed(certain) or "it is", _LOADED


def _declared_only(facts: Facts) -> _Answer:
    openings = facts.openings
    troubles = []
    if certain := [hole for hole in openings.holes if hole.certain]:
        troubles.append(f"open and not declared: {listed(certain)}")
    if openings.closed:
        troubles.append(f"declared and not open: {listed(openings.closed)}")
    if openings.holes and not troubles:
        raise _UndecidedError(f"some rule cannot be followed, perhaps open: {listed(openings.holes)}")
    names = [one.name for one in facts.declared]
    return not troubles, "; ".join(troubles) or f"open: {listed(names, 20) or 'nothing'}", _LOADED


def _essentials(facts: Facts) -> _Answer:
    dropped = essentials(facts.loaded)
    return not dropped, f"dropped: {listed(dropped)}" if dropped else "they do", _LOADED


def _way_in(facts: Facts) -> _Answer:
    ports = {port for one in facts.ways_in for port in range(one.low, one.high + 1)}
    closed = [
        h for h in facts.openings.closed if h.proto == "tcp" and ports & {*range(h.ports[0], h.ports[1] + 1)}
    ]
    nowhere = [one.name for one in facts.ways_in if one.sources == ()]
    if closed or nowhere:
        return False, f"closed: {listed([*closed, *nowhere])}", _LOADED
    return (
        True,
        f"open: {listed([one.name for one in facts.ways_in])}" if ports else "no SSH server listens",
        _LOADED,
    )


def _redirected(facts: Facts) -> _Answer:
    found = facts.openings.redirected
    certain = [hole for hole in found if hole.certain]
    if found and not certain:
        raise _UndecidedError(f"some rule cannot be followed, perhaps redirected: {listed(found)}")
    return not found, f"open by redirection: {listed(certain)}" if certain else "none does", _LOADED


def _in_force(facts: Facts) -> _Answer:
    try:
        saved = boot_rules(facts.state).filtering()
    except ValueError as bad:
        return False, str(bad), CONF
    loaded = facts.loaded.tables
    wrong = [" ".join(name) for name, text in saved.items() if loaded.get(name) != text]
    if not saved:
        return False, f"{CONF} has no rules", CONF
    if wrong:
        return False, f"loaded otherwise than saved, or not at all: table {listed(wrong)}", CONF
    return True, f"table {listed([' '.join(name) for name in saved])}", CONF


def _at_boot(facts: Facts) -> _Answer:
    shown = properties(facts.state.command(BOOT_UNIT.name).text)
    if not shown:
        raise UnreadableError(f"systemctl could not show {_UNIT}")
    source = f"systemctl show {_UNIT}"
    if shown.get("LoadState") != "loaded" or shown.get("UnitFileState") != "enabled":
        state = shown.get("UnitFileState") or shown.get("LoadState", "")
        return False, f"{_UNIT} is {state or 'not there'}", source
    if "network-pre.target" not in shown.get("Before", "").split():
        return False, f"{_UNIT} does not come before the network", source
    command = shown.get("ExecStart", "")
    if f"argv[]=/usr/sbin/nft -f {CONF} ;" not in command or command.count("argv[]=") != 1:
        return False, f"{_UNIT} runs something else: {command}"[:160], source
    if "argv[]=" in shown.get("ExecStop", ""):
        return False, f"{_UNIT} flushes the rules when it stops, so also while the host goes down", source
    # A condition in a file of the host's own could keep it from running at all.
    drop_in = facts.state.file(DROP_IN)
    ours = [DROP_IN] if drop_in is not None and _settings(drop_in.text) == ["[Service]", "ExecStop="] else []
    if shown.get("DropInPaths", "").split() != ours or shown.get("FragmentPath") not in _DEBIANS:
        changed = shown.get("DropInPaths") or shown.get("FragmentPath", "")
        raise UnreadableError(f"{_UNIT} is not Debian's own: {changed}"[:200])
    return _boot_opens(facts)


def _settings(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(("#", ";"))]


def _boot_opens(facts: Facts) -> _Answer:
    try:
        found = examine(boot_rules(facts.state), facts.declared)
    except ValueError as bad:
        return False, str(bad), CONF
    wrong = [*found.open_by_default, *found.holes, *found.closed, *found.redirected]
    return not wrong, f"after a boot otherwise: {listed(wrong, 3)}" if wrong else "it does", CONF


def _one_firewall(facts: Facts) -> _Answer:
    known = units(facts.state)
    rivals = [name for name in _RIVALS if _takes_part(known.get(name), facts)]
    rules, hidden = legacy_rules(facts.state.command(LEGACY.name).text)
    troubles = [
        f"{name} is active; kijun does not fight it: remove it, or keep it and this exception"
        for name in rivals
    ]
    if rules:
        troubles.append(f"iptables-legacy has rules that nft does not show: {listed(rules, 2)}")
    if hidden and not troubles:
        raise UnreadableError(
            f"the tables of {listed(hidden)} are iptables-legacy's, and no program shows them"
        )
    return not troubles, "; ".join(troubles) or "nothing does", "systemctl, iptables-legacy-save"


def _takes_part(unit: Unit | None, facts: Facts) -> bool:
    """Say whether another manager of rules is at work; ufw's unit is active even where ufw is off."""
    if unit is None:
        return False
    if unit.name == "ufw.service":
        conf = facts.state.file(UFW)
        on = conf is not None and "ENABLED=yes" in conf.text.replace('"', "").splitlines()
        return on and (unit.active or unit.file_state == "enabled")
    return unit.active or unit.file_state == "enabled"


def _protected(facts: Facts) -> _Answer:
    entries = [entry for pattern in FILES for entry in facts.state.glob(pattern)]
    if not entries:
        return False, f"there is no {CONF}", CONF
    open_to: Sequence[str] = [
        f"{e.path} (owner {e.uid}, mode {e.mode:04o})"
        for e in entries
        if e.uid != 0 or e.mode & 0o002 or (e.mode & 0o020 and e.gid != 0)
    ]
    return not open_to, listed(open_to) or f"{len(entries)} files and directories are", CONF
