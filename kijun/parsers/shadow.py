"""Accounts and their passwords as a host reports them, reduced there: no salt and no hash ever leaves it.

`REDUCE` is the awk program that reduces; `parse` reads what it prints, one line a fact, fields apart by tabs:

    account  NAME  SCHEME  COST  LAST_CHANGE  MIN  MAX  OLDER  ISSUED
    plain    NAME  empty|hash            a password field of /etc/passwd that is not "x"
    note     KEY   VALUE                 the policy's stamp (see module_utils/kijun_password_records.py)
    read     LINES_OF_PASSWD  LINES_OF_SHADOW

Accounts whose password is locked or was never set are left out: nobody can log in with them.
Source: shadow(5), passwd(5), crypt(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

POLICY_NOTE = "/var/lib/kijun/password_policy"
ISSUED_NOTE = "/var/lib/kijun/issued_accounts"

# The four files are told apart by name, and the notes come first. A field that is absent stays empty.
REDUCE = f"""\
set -- /etc/passwd /etc/shadow
[ -e {ISSUED_NOTE} ] && set -- {ISSUED_NOTE} "$@"
[ -e {POLICY_NOTE} ] && set -- {POLICY_NOTE} "$@"
awk '
FILENAME == "{POLICY_NOTE}" {{ split($0, w, " ")
  if (w[1] == "older") older[w[2]] = w[3]; else print "note\\t" w[1] "\\t" w[2]; next }}
FILENAME == "{ISSUED_NOTE}" {{ split($0, w, " "); at[w[1]] = w[2]; issued[w[1]] = w[3]; next }}
FILENAME == "/etc/passwd" {{ passwds++; split($0, f, ":")
  if (f[1] != "" && f[2] != "x" && f[2] !~ /^[!*]/)
    print "plain\\t" f[1] "\\t" (f[2] == "" ? "empty" : "hash")
  next }}
{{ shadows++; n = split($0, f, ":"); if (n < 2 || f[1] == "" || f[1] in seen) next; seen[f[1]] = 1
  if (f[2] ~ /^[!*]/) next
  scheme = "des"; cost = ""; mark = substr(f[2], 1, 2)
  if (f[2] == "") {{ scheme = "empty"; mark = "" }}
  else if (substr(f[2], 1, 1) == "$") {{ k = split(f[2], h, "$"); scheme = h[2]; mark = h[3]
    for (i = 4; i < k; i++) mark = mark "$" h[i]
    if (scheme == "y" || scheme == "gy") cost = h[3]
    else if (scheme == "7") cost = substr(h[3], 1, 1)
    else if (scheme ~ /^2[abxy]?$/) {{ cost = h[3]; mark = mark "$" substr(h[4], 1, 22) }}
    else if (h[3] ~ /^rounds=[0-9]+$/) cost = h[3]
    if (scheme !~ /^(y|gy|7|6|5|3|1|2[abxy]?|md5|sha1)$/ || length(cost) > 20) {{
      scheme = "unknown"; cost = "" }} }}
  print "account\\t" f[1] "\\t" scheme "\\t" cost "\\t" f[3] "\\t" f[4] "\\t" f[5] "\\t" \\
    (mark != "" && older[f[1]] == mark) "\\t" ((mark != "" && issued[f[1]] == mark) ? at[f[1]] : "") }}
END {{ print "read\\t" passwds + 0 "\\t" shadows + 0 }}
' "$@"
"""

_ITOA64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# The least cost that counts as strong: libxcrypt's own lower end for yescrypt, its default for SHA-512, and
# what the OWASP password storage cheat sheet asks of bcrypt.
_LEAST_LOG2_N = 10
_LEAST_SHA512_ROUNDS = 5000
_LEAST_BCRYPT_COST = 10
_NAMES = {
    "y": "yescrypt", "gy": "gost-yescrypt", "7": "scrypt", "6": "SHA-512", "5": "SHA-256", "1": "MD5",
    "md5": "MD5 (Sun)", "sha1": "SHA-1", "3": "NT", "des": "DES", "2": "old bcrypt", "2a": "old bcrypt",
    "2x": "old bcrypt", "2b": "bcrypt", "2y": "bcrypt", "empty": "no password",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Account:
    """An account somebody can log in to with a password, or with none."""

    name: str
    scheme: str  # the id between the first two `$`, or "des" or "empty"
    cost: str  # the scheme's cost parameters, as written
    last_change: int | None  # days since the epoch; 0: to be changed at the next login; None: aging is off
    min_age: int
    max_age: int | None
    older: bool  # the password was there when the policy began to be enforced
    issued_at: int | None  # seconds since the epoch; set where it is the temporary password kijun issued

    @property
    def must_change(self) -> bool:
        """Whether the next login is made to change the password."""
        return self.last_change == 0


@dataclass(frozen=True, slots=True)
class Accounts:
    """What `REDUCE` found."""

    accounts: tuple[Account, ...] = ()
    plain: tuple[tuple[str, str], ...] = ()  # whose /etc/passwd line itself decides: "empty" or "hash"
    note: dict[str, int] = field(default_factory=dict)  # empty where the policy was never enforced
    complete: bool = False  # both files were read to their end, and every line was understood


def weakness(scheme: str, cost: str | None) -> str:
    """Return why a hash is weak, or "" where it is not; a `cost` of None is the scheme's default."""
    name = _NAMES.get(scheme, f"an unknown scheme ({scheme})")
    if scheme in {"y", "gy", "7"}:
        weak = cost is not None and _log2_n(scheme, cost) < _LEAST_LOG2_N
        return f"{name} of too low a cost" if weak else ""
    if scheme == "6":
        rounds = int((cost or "").removeprefix("rounds=") or _LEAST_SHA512_ROUNDS)
        return f"{name} of {rounds} rounds" if rounds < _LEAST_SHA512_ROUNDS else ""
    if scheme in {"2b", "2y"}:
        number = int(cost) if cost and re.fullmatch("[0-9]{2}", cost) else _LEAST_BCRYPT_COST * (cost is None)
        return f"{name} of cost {cost}" if number < _LEAST_BCRYPT_COST else ""
    return name


def parse(text: str) -> Accounts:
    """Return what a host reported; `complete` is false unless every line is as `REDUCE` prints it."""
    accounts: list[Account] = []
    plain: list[tuple[str, str]] = []
    note: dict[str, int] = {}
    whole, ended = True, False
    for line in text.split("\n"):
        kind, *rest = line.split("\t")
        account = _account(rest) if kind == "account" else None
        if account:
            accounts.append(account)
        elif kind == "plain" and len(rest) == 2 and rest[1] in {"empty", "hash"}:
            plain.append((rest[0], rest[1]))
        elif kind == "note" and len(rest) == 2 and (value := _number(rest[1])) is not None:
            note[rest[0]] = value
        elif kind == "read" and len(rest) == 2 and not ended:
            ended = bool(_number(rest[0])) and bool(_number(rest[1]))
        elif line:
            whole = False
    return Accounts(tuple(accounts), tuple(plain), note, whole and ended)


def _account(values: list[str]) -> Account | None:
    if len(values) != 8 or not values[0] or values[6] not in {"0", "1"}:
        return None
    name, scheme, cost, changed, least, most, older, issued = values
    if scheme == "6" and cost and not re.fullmatch(r"rounds=[0-9]{1,12}", cost):
        return None
    if any(value and _number(value) is None for value in (changed, least, most, issued)):
        return None
    numbers = _number(changed), _number(least) or 0, _number(most)
    return Account(name, scheme, cost, *numbers, older == "1", _number(issued))


def _number(text: str) -> int | None:
    """Return a whole number of a sensible size; None for anything else."""
    return int(text) if re.fullmatch(r"-?[0-9]{1,12}", text) else None


def _log2_n(scheme: str, cost: str) -> int:
    """Return log2 of the memory cost N of a yescrypt or scrypt hash; 0 where there is none."""
    letter = cost[:1] if scheme == "7" else cost[1:2]
    at = _ITOA64.find(letter) if letter else -1
    return at + (scheme != "7") if at >= 0 else 0
