# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Pure functions behind `kijun_pam_profile`: what pam-auth-update manages, and what somebody edited by hand.

The vocabulary is that of pam-auth-update(8): a *profile* is a file in /usr/share/pam-configs; the *block* is
what lies between the magic comments of /etc/pam.d/common-*; the *saved* lines are those in /var/lib/pam from
which the block was written. Python 3.9 suffices.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ansible.module_utils.kijun_pam_stack import Handler, PamConfig

TYPES = ("auth", "account", "password", "session", "session-noninteractive")
_PRIMARY = '# here are the per-package modules (the "Primary" block)'
_FALLBACK = "# here's the fallback if no module succeeds"
_ADDITIONAL = '# and here are more per-package modules (the "Additional" block)'
_END = "# end of pam-auth-update config"
_HEAD = re.compile(r"((?:\[[^]]+\]|\w+)\s+\S+)\s*(.*)")
_DENY_ALWAYS = frozenset({"pam_deny.so"})
_NEEDS_ROOT = frozenset({"pam_rootok.so"})
_DIRECTORY = frozenset({"pam_sss.so", "pam_ldap.so", "pam_winbind.so", "pam_krb5.so"})


class SavedLine(NamedTuple):
    """A line of a profile as pam-auth-update remembers it: whose it is, and its text ("end" unresolved)."""

    profile: str
    text: str


class Block(NamedTuple):
    """The parts of a common-* file. Lines are without the leading type; `outside` has the rest, verbatim."""

    primary: list[str]
    fallback: list[str]
    additional: list[str]
    outside: list[str]


class Edits(NamedTuple):
    """What differs from what pam-auth-update wrote: what forbids to go on, and lines with changed options."""

    refused: list[str]
    options: list[SavedLine]


def split_block(text: str, kind: str) -> Block | None:
    """Return the parts of a common-* file of type `kind`; None where a magic comment is missing."""
    parts: list[list[str]] = [[], [], [], [], []]
    marks = (_PRIMARY, _FALLBACK, _ADDITIONAL, _END)
    at = 0
    for line in text.splitlines():
        if at < len(marks) and line.startswith(marks[at]):
            at += 1
        elif line.strip() and not line.lstrip().startswith("#"):
            parts[at].append(line.strip())
    if at < len(marks):
        return None
    word = re.compile("-?" + kind.replace("-noninteractive", "") + r"\s+")
    bare = [[word.sub("", line, count=1) for line in part] for part in parts[1:4]]
    return Block(bare[0], bare[1], bare[2], parts[0] + parts[4])


def parse_saved(text: str) -> list[SavedLine]:
    """Return the lines of a /var/lib/pam file, each with the profile it came from."""
    lines, profile = [], ""
    for line in text.splitlines():
        if line.startswith("Module: "):
            profile = line[len("Module: ") :].strip()
        elif line.strip():
            lines.append(SavedLine(profile, line.strip()))
    return lines


def head_and_options(line: str) -> tuple[str, list[str]]:
    """Split "control module options…" into control and module (one blank between), and the options."""
    found = _HEAD.match(line)
    if found is None:
        return line, []
    return " ".join(found.group(1).rsplit(None, 1)), found.group(2).split()


def _resolved(lines: list[SavedLine], additional: bool) -> list[str]:
    """Put the number for "end" that create_from_template() in pam-auth-update computes."""
    count = len(lines) - (1 if additional else 0)
    return [re.sub("end", str(count - at), head_and_options(line.text)[0]) for at, line in enumerate(lines)]


def hand_edits(name: str, text: str, saved: str, kind: str) -> Edits:
    """Compare a common-* file with what pam-auth-update remembers of it.

    `name` is for the messages. A changed option is what pam-auth-update itself keeps, so it is only noted.
    """
    block = split_block(text, kind)
    if block is None:
        return Edits([f"{name} has lost the comments that mark the block of pam-auth-update"], [])
    lines = parse_saved(saved)
    refused = [f"{name} has a line outside the block: {line}" for line in block.outside]
    cut = len(block.primary)
    options: list[SavedLine] = []
    if len(lines) != cut + len(block.additional):
        known = {head_and_options(re.sub("end", "N", line.text))[0] for line in lines}
        for line in block.primary + block.additional:
            if re.sub(r"=\d+", "=N", head_and_options(line)[0]) not in known:
                refused.append(f"{name} has a line that no profile put there: {line}")
        if len(lines) > cut + len(block.additional):
            refused.append(f"{name} lacks a line that a profile put there")
        return Edits(refused or [f"{name} has other lines than its profiles put there"], [])
    wanted = _resolved(lines[:cut], False) + _resolved(lines[cut:], True)
    for line, expected, origin in zip(block.primary + block.additional, wanted, lines):  # noqa: B905 - 3.9
        head, given = head_and_options(line)
        if head != expected:
            refused.append(f'{name} has "{head}" where profile {origin.profile} put "{expected}"')
        elif given != head_and_options(origin.text)[1]:
            options.append(SavedLine(origin.profile, f"{name}: {line}"))
    refused += _fallback_edits(name, block, kind)
    return Edits(refused, options)


def _fallback_edits(name: str, block: Block, kind: str) -> list[str]:
    """The two lines between the blocks must refuse, then prime the return value; sessions have a third."""
    found = [" ".join(line.split()) for line in block.fallback]
    if found[:2] != ["requisite pam_deny.so", "required pam_permit.so"]:
        return [f"{name} has other fallback lines than pam_deny.so and pam_permit.so"]
    if len(found) > 2 and not (kind.startswith("session") and found[2:] == ["optional pam_umask.so"]):
        return [f"{name} has a line that no profile put there: {line}" for line in found[2:]]
    return []


def without_option_edits(text: str, saved: str, kind: str, profiles: set[str]) -> str:
    """Return the file with the options of our profiles' lines as the profiles have them.

    Arguments in a PAM line win over configuration files, so an option slipped into a line of ours must not
    survive, while pam-auth-update keeps those of other profiles. Call it only on a file without hand edits.
    """
    block = split_block(text, kind)
    if block is None:
        return text
    live = block.primary + block.additional
    changed = {}
    for line, origin in zip(live, parse_saved(saved)):  # noqa: B905 - 3.9
        head, given = head_and_options(line)
        options = head_and_options(origin.text)[1]
        if origin.profile in profiles and given != options:
            changed[line] = " ".join([head, *options])
    out = []
    for line in text.splitlines(keepends=True):
        words = line.strip().split(None, 1)
        fixed = changed.get(words[1]) if len(words) == 2 else None
        out.append(line if fixed is None else f"{words[0]}\t{fixed}\n")
    return "".join(out)


def profile_modules(text: str) -> set[str]:
    """Return the PAM modules that the lines of a profile call, by base name."""
    return {
        found.rpartition("/")[2]
        for line in text.splitlines()
        if line[:1] in {" ", "\t"}
        for found in re.findall(r"\S+\.so\b", line)
    }


def newly_refusing(before: Mapping[str, bytes], after: Mapping[str, bytes], missing: set[str]) -> list[str]:
    """Return "service phase" for each that let a right password through before, and would not after.

    `missing` are modules that are not installed: libpam lets such a line fail.
    """
    old, new = PamConfig(before), PamConfig(after)
    worse = []
    for service in new.services():
        for phase in ("auth", "account", "password", "session"):
            if any(_lets_in(old, service, phase, who, set()) for who in (False, True)) and not all(
                _lets_in(new, service, phase, who, missing)
                for who in (False, True)
                if _lets_in(old, service, phase, who, set())
            ):
                worse.append(f"{service} ({phase})")
    return worse


def _lets_in(config: PamConfig, service: str, phase: str, local: bool, missing: set[str]) -> bool:
    """Whether everything succeeds for a right password; `local`: a user whom no directory knows."""

    def outcome(handler: Handler) -> str:
        if handler.module in missing:
            return "module_unknown"
        if handler.module in _DENY_ALWAYS or handler.module in _NEEDS_ROOT:
            return "auth_err"
        return "user_unknown" if local and handler.module in _DIRECTORY else "success"

    walks = config.walk(service, phase, outcome)
    return bool(walks) and all(walk.granted for walk in walks)
