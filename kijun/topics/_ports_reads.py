"""What is read from a host for its ports, and what the answers mean."""

from __future__ import annotations

from dataclasses import dataclass

from kijun.model import CommandRead, FileRead, HostState
from kijun.parsers.nftables import NotARulesetError, Ruleset, parse_ruleset
from kijun.parsers.sockets import Socket, parse_socket_units, parse_ss

CONF = "/etc/nftables.conf"
FILES = (CONF, "/etc/nftables-kijun.conf", "/etc/nftables.d", "/etc/nftables.d/*")
UFW = "/etc/ufw/ufw.conf"

SOCKETS = CommandRead("unused_ports.sockets", "ss -H -lntupS --cgroup", volatile=True)
SOCKET_UNITS = CommandRead(
    "unused_ports.socket_units",
    "systemctl list-sockets --all --show-types --no-legend --plain",
    volatile=True,
)
# `systemctl list-unit-files` takes a second of the host's time; the shell's own globbing takes none.
# A masked unit is a link to /dev/null (systemctl(1), mask), an enabled one is wanted by another.
UNIT_FILES = CommandRead(
    "unused_ports.unit_files",
    """for file in /etc/init.d/* \\
/usr/lib/systemd/system/*.service /usr/lib/systemd/system/*.socket \\
/usr/local/lib/systemd/system/*.service /usr/local/lib/systemd/system/*.socket \\
/etc/systemd/system/*.service /etc/systemd/system/*.socket \\
/etc/systemd/system/*.wants/*.service /etc/systemd/system/*.wants/*.socket \\
/run/systemd/system/*.service /run/systemd/system/*.socket; do
if [ ! -e "$file" ] && [ ! -L "$file" ]; then continue; fi
name=${file##*/}
case $file in
/etc/init.d/*) echo "$name.service present" ;;
*.wants/*) echo "$name enabled" ;;
*) if [ -c "$file" ]; then echo "$name masked"; else echo "$name present"; fi ;;
esac
done""",
)
UNITS = CommandRead(
    "unused_ports.units",
    "systemctl list-units --all --no-legend --plain --type=service,socket",
    volatile=True,
)
EPHEMERAL = CommandRead(
    "unused_ports.ephemeral",
    'read -r low high </proc/sys/net/ipv4/ip_local_port_range && echo "$low $high"',
)
# What the kernel filters by now. Handles only count what was ever loaded.
_STABLE = """sed 's/"handle": [0-9]*, *//g'"""
RULESET = CommandRead(
    "unused_ports.ruleset",
    f"""if [ ! -x /usr/sbin/nft ]; then echo absent; exit 0; fi
said=$(nft -j -s list ruleset) || exit 1
printf '%s\\n' "$said" | {_STABLE}""",
    volatile=True,  # the first boot adds tables of others; that the saved rules are loaded is judged anew
)
# What the next boot will load, by loading it: into a network namespace of its own, gone with the command.
BOOT = CommandRead(
    "unused_ports.boot",
    f"""if [ ! -x /usr/sbin/nft ] || [ ! -e {CONF} ]; then echo absent; exit 0; fi
if said=$(unshare --net sh -c 'nft -f {CONF} && exec nft -j -s list ruleset' 2>&1); then
printf '%s\\n' "$said" | {_STABLE}
exit 0
fi
printf 'apart: %.300s\\n' "$said"
if said=$(nft -c -f {CONF} 2>&1); then echo 'here: ok'; else printf 'here: %.300s\\n' "$said"; fi""",
)
BOOT_UNIT = CommandRead(
    "unused_ports.boot_unit",
    "systemctl show --property=LoadState,UnitFileState,Before,ExecStart,ExecStop,FragmentPath,"
    "DropInPaths nftables.service",
    volatile=True,  # ExecStart tells when it ran
)
# The kernel names the tables that the old iptables has made; only then is its program asked.
LEGACY = CommandRead(
    "unused_ports.legacy",
    """for way in ip ip6; do
names=
if [ -r /proc/net/${way}_tables_names ]; then
while read -r name; do names="$names $name"; done </proc/net/${way}_tables_names
fi
if [ -n "$names" ]; then
echo "tables of ${way}:$names"
if command -v ${way}tables-legacy-save >/dev/null; then ${way}tables-legacy-save || echo unreadable
else echo unreadable; fi
fi
done""",
)

DROP_IN = "/etc/systemd/system/nftables.service.d/kijun.conf"

READS: tuple[FileRead | CommandRead, ...] = (
    *(FileRead(pattern) for pattern in (*FILES, UFW, DROP_IN)),
    *(SOCKETS, SOCKET_UNITS, UNIT_FILES, UNITS, EPHEMERAL, RULESET, BOOT, BOOT_UNIT, LEGACY),
)
OBSERVING = (SOCKETS, SOCKET_UNITS, EPHEMERAL)
_DEFAULT_EPHEMERAL = (32768, 60999)


class UnreadableError(Exception):
    """What was read is no answer; says why in one sentence."""


class NoNftError(Exception):
    """The host has no nft, or no configuration for it."""


@dataclass(frozen=True)
class Observed:
    """Who listens, and the range of ports that the host itself asks from."""

    sockets: tuple[Socket, ...]
    ephemeral: tuple[int, int]


def observed(state: HostState) -> Observed:
    """Return who listens; raises UnreadableError."""
    answer, units = state.command(SOCKETS.name), state.command(SOCKET_UNITS.name)
    if answer.rc != 0 or units.rc != 0:
        raise UnreadableError("ss and systemctl could not list the sockets")
    try:
        sockets = parse_ss(answer.text, parse_socket_units(units.text))
    except ValueError as bad:
        raise UnreadableError(f"the list of sockets cannot be understood: {bad}"[:200]) from bad
    words = state.command(EPHEMERAL.name).text.split()
    usable = len(words) == 2 and all(word.isascii() and word.isdigit() and len(word) < 6 for word in words)
    return Observed(tuple(sockets), (int(words[0]), int(words[1])) if usable else _DEFAULT_EPHEMERAL)


def loaded_rules(state: HostState) -> Ruleset:
    """Return the ruleset that the kernel has; raises NoNftError and UnreadableError."""
    answer = state.command(RULESET.name)
    if answer.text.strip() == "absent":
        raise NoNftError("nftables is not installed")
    if answer.rc != 0:
        raise UnreadableError("nft could not list the ruleset")
    return _parsed(answer.text, "the ruleset")


def boot_rules(state: HostState) -> Ruleset:
    """Return the ruleset that the next boot will load; raises NoNftError, UnreadableError and ValueError.

    ValueError: it would not be loaded, because there is a mistake in it.
    """
    answer = state.command(BOOT.name)
    if answer.text.strip() == "absent":
        raise NoNftError(f"there is no {CONF}, or no nft to load it")
    if answer.rc != 0:
        raise UnreadableError(f"{CONF} could not be tried")
    if answer.text.startswith("apart: "):
        apart, _, here = answer.text.removeprefix("apart: ").partition("here: ")
        if here.strip() not in ("ok", ""):
            raise ValueError(f"nft refuses {CONF}: {_line(here)}")
        raise UnreadableError(f"{CONF} cannot be tried apart from this host: {_line(apart)}")
    return _parsed(answer.text, f"what {CONF} loads")


def _parsed(text: str, what: str) -> Ruleset:
    try:
        return parse_ruleset(text)
    except NotARulesetError as bad:
        raise UnreadableError(f"{what} cannot be understood: {bad}") from bad


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]


_STATES = ("", "present", "enabled", "masked")  # what comes later says more


@dataclass(frozen=True, slots=True)
class Unit:
    """One service or socket unit: whether it is running, and whether it is installed, enabled or masked."""

    name: str
    active: bool = False
    file_state: str = ""

    @property
    def off(self) -> bool:
        """Whether nothing can start it: no such unit, or masked, and not running."""
        return not self.active and self.file_state in ("", "masked")


def units(state: HostState) -> dict[str, Unit]:
    """Return the units that exist or run, by name; raises UnreadableError."""
    files, running = state.command(UNIT_FILES.name), state.command(UNITS.name)
    if files.rc != 0 or running.rc != 0 or not files.stdout or not running.stdout:
        raise UnreadableError("systemctl could not list the units")
    file_states: dict[str, str] = {}
    for words in map(str.split, files.text.splitlines()):
        if len(words) == 2 and words[1] in _STATES:
            file_states[words[0]] = max(words[1], file_states.get(words[0], ""), key=_STATES.index)
    active = {
        words[0]
        for words in (line.replace("●", " ").split() for line in running.text.splitlines())
        if len(words) > 3 and words[2] in ("active", "activating", "reloading")
    }
    return {
        name: Unit(name, name in active, file_states.get(name, ""))
        for name in sorted(active | set(file_states))
    }


def legacy_rules(text: str) -> tuple[list[str], list[str]]:
    """Return the rules of the old iptables in `LEGACY`'s answer, and the tables that nobody can show."""
    rules, hidden, tables = [], [], ""
    for line in text.splitlines():
        words = line.split()
        if line.startswith("tables of "):
            tables = line.removeprefix("tables of ")
        elif line == "unreadable":
            hidden.append(tables)
        elif line.startswith("-A ") or (line.startswith(":") and len(words) > 1 and words[1] == "DROP"):
            rules.append(line)
    return rules, hidden


def properties(text: str) -> dict[str, str]:
    """Return what `systemctl show` printed, by property."""
    return dict(line.partition("=")[::2] for line in text.splitlines() if "=" in line)
