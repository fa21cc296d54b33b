"""What password_policy reads, and the facts that all its controls are judged from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from kijun.model import (
    CommandRead,
    CommandResult,
    FileEntry,
    FileRead,
    HostState,
    Params,
    Read,
    Status,
    UnreadError,
)
from kijun.parsers.keyvalue import last_values
from kijun.parsers.pam import PamConfig
from kijun.parsers.password_stack import Person, Way, stored
from kijun.parsers.pwquality import DROP_INS, MAIN
from kijun.parsers.shadow import REDUCE, Account, Accounts, parse
from kijun.topics._access_lists import access_list_read

DICTIONARY = "/var/cache/cracklib/cracklib_dict"
LEAST_WORDS = 10_000  # Debian's smallest list has some 50,000; an emptied dictionary lets every word pass
LOGIN_DEFS = "/etc/login.defs"
_PAM_FILES = ("/etc/pam.d/*", "/usr/lib/pam.d/*", "/etc/pam.conf")
_CHECK_FILES = (MAIN, DROP_INS + "*.conf", DROP_INS + ".*.conf")  # libpwquality reads hidden drop-ins too

ACCOUNTS = CommandRead("password_policy.accounts", REDUCE, volatile=True)
_STORES = (
    *("/etc/passwd", "/etc/passwd-", "/etc/*shadow", "/etc/*shadow[-.]*"),
    *("/etc/security/opasswd", "/var/backups/*shadow*"),
)
STORES = CommandRead(
    "password_policy.stores",
    f"for f in {' '.join(_STORES)}; do\n"
    'if [ -e "$f" ]; then set -- "$@" "$f"; fi\ndone\nstat -Lc "%a %u %G %n" -- "$@"',
)
LISTS = access_list_read("password_policy.access_lists", _STORES)
READERS = CommandRead(  # whoever is in group shadow reads the hashes
    "password_policy.readers",
    """awk -F: '
FNR == NR { if ($1 == "shadow") { gid = $3; names = $4 } next }
gid != "" && $4 == gid { names = names "," $1 }
END { print "members " names }
' /etc/group /etc/passwd""",
)
WORDS = CommandRead(
    "password_policy.dictionary",
    f"stat -Lc '%s %n' {DICTIONARY}.pwd {DICTIONARY}.hwm && od -An -tu4 -N8 {DICTIONARY}.pwi",
)
GENUINE = CommandRead(
    "password_policy.genuine",
    "cd / && grep -hE '/(pam_(deny|permit|pwquality|succeed_if|unix)[.]so|lib(pwquality|crack)[.]so[0-9.]+)$'"
    " /var/lib/dpkg/info/libpam-modules:*.md5sums /var/lib/dpkg/info/libpam-pwquality:*.md5sums"
    " /var/lib/dpkg/info/libpwquality1:*.md5sums /var/lib/dpkg/info/libcrack2:*.md5sums | md5sum -c 2>&1",
)
READS: tuple[Read, ...] = (
    *(FileRead(pattern) for pattern in (*_PAM_FILES, *_CHECK_FILES, LOGIN_DEFS)),
    ACCOUNTS,
    STORES,
    LISTS,
    READERS,
    WORDS,
    GENUINE,
)


Said = tuple[Status, str, str, str] | tuple[Status, str, str, str, str]  # what follows a Verdict's control


@dataclass(frozen=True)
class View:
    """One host, seen from its passwords."""

    pam: PamConfig
    ways: Mapping[str, Mapping[Person, tuple[Way, ...]]]  # by service; what it stores, and for whom
    too_many: tuple[str, ...]  # services whose stacks cannot be followed
    check_files: Mapping[str, bytes]
    login_defs: Mapping[str, str]
    accounts: Accounts
    commands: Mapping[str, CommandResult]
    today: int  # days since the epoch, by the host's clock
    minimum: int
    privileged_minimum: int

    def by_service(self, privileged: bool) -> dict[str, list[tuple[Person, Way]]]:
        """Return what each service stores for privileged, or for ordinary users."""
        return {
            service: [(w, way) for w, found in people.items() if w.privileged == privileged for way in found]
            for service, people in self.ways.items()
        }

    def all_ways(self) -> list[tuple[str, Way]]:
        """Return every service with every way it stores a password of anybody, each once."""
        found = ((s, way) for s, people in self.ways.items() for ways in people.values() for way in ways)
        return list(dict.fromkeys(found))

    def schemes(self) -> set[str]:
        """Return the ids of the hashes that new passwords get."""
        return {way.scheme(self.login_defs) for _, way in self.all_ways()}

    @property
    def since_day(self) -> int | None:
        """The day on which the policy began to be enforced; None where it never was."""
        since = self.accounts.note.get("since")
        return None if since is None else since // 86400

    def words(self) -> int:
        """Return how many words the dictionary has; 0 where it is lost or damaged."""
        result = self.commands[WORDS.name]
        numbers = result.text.split()
        if result.rc != 0 or len(numbers) != 6 or not all(n.isdecimal() for n in numbers[::2] + numbers[4:]):
            return 0
        sizes, magic, count = (int(numbers[0]), int(numbers[2])), int(numbers[4]), int(numbers[5])
        whole = magic == 0x70775631 and sizes[0] > count and sizes[1] > 0
        return count if whole else 0


def view(state: HostState, params: Params) -> View:
    """Return the facts; raises UnreadError where a file exists and could not be read."""
    pam = PamConfig({entry.path: entry.content for entry in _files(state, _PAM_FILES)})
    checks = {entry.path: entry.content for entry in _files(state, _CHECK_FILES)}
    groups = params["password_policy_privileged_groups"]
    if not isinstance(groups, (list, tuple)):
        raise TypeError("password_policy_privileged_groups is not a list")
    names = tuple(str(group) for group in groups)
    people = [Person(privileged_groups=names), Person(root=True), *(Person(group=name) for name in names)]
    ways: dict[str, dict[Person, tuple[Way, ...]]] = {}
    too_many = []
    walked: dict[object, dict[Person, list[Way] | None]] = {}  # most services include one and the same stack
    for service in dict.fromkeys([*pam.services(), "other"]):
        lines = tuple((handler.path, handler.line) for handler in pam.stack(service, "password") or ())
        if lines not in walked:
            walked[lines] = {who: stored(pam, service, who, checks) for who in people}
        if None in walked[lines].values():
            too_many.append(service)
        ways[service] = {who: tuple(those or ()) for who, those in walked[lines].items()}
    login_defs = state.file(LOGIN_DEFS)
    return View(
        pam, ways, tuple(too_many), checks, last_values(login_defs.text if login_defs else ""),
        parse(state.command(ACCOUNTS.name).text), state.commands, state.read_at // 86400,
        _number(params, "min_length"), _number(params, "privileged_min_length"),
    )  # fmt: skip


def said(wrong: Iterable[str], expected: str, right: str, source: str, unknown: Iterable[str] = ()) -> Said:
    """Return a failure where something is wrong, else unknown where something is unclear, else a pass."""
    found = list(dict.fromkeys(wrong))
    if found:
        more = f"; and {len(found) - 6} more" if len(found) > 6 else ""
        return Status.FAIL, expected, "; ".join(found[:6]) + more, source
    if unclear := list(unknown):
        return Status.UNKNOWN, expected, "", source, "; ".join(unclear)
    return Status.PASS, expected, right, source


def grouped(found: Iterable[tuple[str, str]]) -> list[str]:
    """Return what was found, by service, with the services together of which the same holds."""
    services: dict[str, list[str]] = {}
    for service, text in dict.fromkeys(found):
        services.setdefault(text, []).append(service)
    return [f"{listed(names)}: {text}" for text, names in services.items()]


def listed(names: list[str], limit: int = 6) -> str:
    """Return names for a message."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def day(number: int) -> str:
    """Return a day since the epoch as a date; what is no sensible date stays a number."""
    return f"{datetime.fromtimestamp(number * 86400, UTC):%Y-%m-%d}" if 0 <= number < 10**6 else str(number)


def named(accounts: list[Account]) -> str:
    """Return the names, for a message."""
    return listed([account.name for account in accounts])


def _files(state: HostState, patterns: tuple[str, ...]) -> list[FileEntry]:
    for path, why in state.unread.items():
        if path.startswith(("/etc/pam.", "/usr/lib/pam.d/", MAIN)):
            raise UnreadError(f"{path}: {why}")
    return [entry for pattern in patterns for entry in state.glob(pattern) if entry.kind == "file"]


def _number(params: Params, name: str) -> int:
    value = params[f"password_policy_{name}"]
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"password_policy_{name} is not a whole number")
    return value
