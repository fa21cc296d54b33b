"""Declared reads in, one framed POSIX sh script out.

The script runs as root through `sh -s`, writes nothing and leaves no process behind. What it prints:

    @NONCE start                     clear text; whatever a login shell printed before it is skipped;
                                     then it reads one line, or the end of its input, before it goes on
    <base64 of gzip of the frames>   gzip's CRC tells a garbled transfer from a good one
    @NONCE stop

and inside, each frame is `\\n@NONCE KIND NAME\\n`, the bytes, `\\n@NONCE = STATUS\\n`; the last is `\\n@NONCE
done TIME\\n`. `NONCE` is fresh for every run, so that nothing on a host can be mistaken for a frame. Few
processes: one `tar` for all files, `date`, `id`, `head`, `gzip`, `base64`, and what the commands themselves
start.
"""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from kijun.model import CommandRead, FileRead, Topic

_SAFE_PATTERN = re.compile(r"/[A-Za-z0-9._+@:,/*?\[\]!-]*")
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]*")
OUTPUT_LIMIT = 16 * 1024 * 1024

# Files are looked for with the shell's own globbing and `[ -e`: no process is started for them, and what is
# absent is never handed to tar, so that whatever tar complains of afterwards is a file that exists and could
# not be read. tar follows links (-h, --hard-dereference: two names of one inode both carry their content),
# never opens a FIFO or a device, and does not descend into directories. Its complaints go through `$()`: no
# temporary file.
_HEAD = """\
LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
unset IFS ENV BASH_ENV CDPATH GREP_OPTIONS TAR_OPTIONS GZIP
umask 077
kijun_frame() { printf '\\n@%s %s %s\\n' "$kijun_nonce" "$1" "$2"; }
kijun_read() {
exec 3>&1 2>/dev/null </dev/null
kijun_frame host "$(id -u) $kijun_began"
"""
_FILES = """\
set --
for kijun_path in @PATTERNS@; do
if [ -e "$kijun_path" ]; then set -- "$@" "$kijun_path"; fi
done
kijun_frame paths .
if [ $# -gt 0 ]; then printf '%s\\000' "$@"; fi
kijun_frame = 0
if [ $# -gt 0 ]; then
kijun_frame tar .
kijun_said=$(tar -c -P -h --hard-dereference --no-recursion --format=gnu -b 1 -f - -- "$@" 2>&1 >&3)
kijun_frame = $?
kijun_frame said .
printf '%.4000s' "$kijun_said"
kijun_frame = 0
fi
set --
"""
# eval keeps a mistake in one command's syntax to its own subshell, and starts no process.
_COMMAND = """\
kijun_frame command @NAME@
(eval @SCRIPT@) </dev/null 2>/dev/null 3>&-
kijun_frame = $?
"""
_TAIL = """\
kijun_frame done "$(date +%s.%N)"
}
printf '\\n@%s start\\n' "$kijun_nonce"
read -r kijun_go
kijun_began=$(date +%s.%N)
kijun_read | head -c @LIMIT@ | gzip -1 | base64
printf '\\n@%s stop\\n' "$kijun_nonce"
"""


@dataclass(frozen=True, slots=True)
class Script:
    """A compiled read: the text for `sh -s`, and what is needed to understand its answer."""

    text: str
    nonce: str
    patterns: frozenset[str]
    commands: frozenset[str]


def compile_reads(topics: Iterable[Topic], *, nonce: str | None = None, limit: int = OUTPUT_LIMIT) -> Script:
    """Return one script for everything `topics` declare; what several of them declare is read once.

    `limit` bounds what the host prints, in bytes before compression. Raises ValueError where two topics give
    one command name to different scripts, or a name or pattern is not fit for a shell: mistakes in a topic's
    module.
    """
    nonce = nonce or secrets.token_hex(16)
    patterns: set[str] = set()
    commands: dict[str, str] = {}
    for read in (read for topic in topics for read in topic.reads):
        if isinstance(read, FileRead):
            patterns.add(_checked(read.pattern, _SAFE_PATTERN, "file pattern"))
        else:
            _add_command(commands, read)
    body = [f"kijun_nonce={nonce}\n", _HEAD]
    if patterns:
        body.append(_FILES.replace("@PATTERNS@", " ".join(_without_covered(patterns))))
    body += [
        _COMMAND.replace("@NAME@", name).replace("@SCRIPT@", shlex.quote(script.strip("\n")))
        for name, script in commands.items()
    ]
    body.append(_TAIL.replace("@LIMIT@", str(limit)))
    # Braces make the shell read all of it before it runs any of it: a script cut off on its way does nothing.
    return Script("{\n" + "".join(body) + "}\n", nonce, frozenset(patterns), frozenset(commands))


def _add_command(commands: dict[str, str], read: CommandRead) -> None:
    name = _checked(read.name, _SAFE_NAME, "command name")
    if commands.setdefault(name, read.script) != read.script:
        raise ValueError(f"two topics declare different commands under the name {name}")


def _checked(value: str, allowed: re.Pattern[str], what: str) -> str:
    if not allowed.fullmatch(value):
        raise ValueError(f"{value!r} is not fit to be a {what}")
    return value


def _without_covered(patterns: set[str]) -> list[str]:
    """Leave out plain paths that a declared glob brings anyway; the same shell rules as `HostState.glob`."""
    globs = [pattern for pattern in patterns if set("*?[") & set(pattern)]
    return sorted(
        pattern
        for pattern in patterns
        if pattern in globs or not any(covers(glob, pattern) for glob in globs)
    )


def covers(pattern: str, path: str) -> bool:
    """Say whether the shell would expand `pattern` to `path`: `*` stops at `/` and skips leading dots."""
    names, wanted = path.split("/"), pattern.split("/")
    return len(names) == len(wanted) and all(
        fnmatchcase(name, want) and (want.startswith(".") or not name.startswith("."))
        for name, want in zip(names, wanted, strict=True)
    )
