"""Where Dovecot's Sieve sends mail on to: personal scripts, the host's, and what users may upload.

Sources: RFC 5228; the Pigeonhole manual on `sieve_max_redirects` (0 prohibits), `sieve_extensions`, and where
scripts are. A limit that the user database gives to single users is not seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from kijun.parsers.dovecot import DovecotConfig, parse_dovecot
from kijun.parsers.forwarding import Kind, of_sieve
from kijun.topics._forwarding_files import Files, UserFile, parse_files
from kijun.topics._forwarding_found import Found, Place

_SOURCE = "doveconf -n"
_PROGRAMS = ("vnd.dovecot.pipe", "vnd.dovecot.execute", "vnd.dovecot.filter", "vnd.dovecot.report")
_DEPTH = 8
_HOMES = ("~", "/home/%u", "/home/%n", "/home/%{user}", "/home/%{user | username}")


@dataclass(frozen=True)
class Sieve:
    """The Sieve of one Dovecot."""

    config: DovecotConfig
    files: Files
    users_elsewhere: bool  # a user database other than the system's

    @property
    def loaded(self) -> bool:
        """Whether mail passes through Sieve: on delivery, or when a user moves it."""
        wanted = (("sieve", "lmtp"), ("sieve", "lda"), ("imap_sieve", "imap"), ("imap_filter_sieve", "imap"))
        return any(self.config.loads(plugin, protocol) for plugin, protocol in wanted)

    @property
    def redirects(self) -> bool:
        """Whether a script may redirect mail."""
        values = {k: v for k, v in self.config.settings.items() if k.endswith("sieve_max_redirects")}
        usual = "sieve_max_redirects" if self.config.new else "plugin/sieve_max_redirects"
        return values.get(usual) != "0" or set(values.values()) != {"0"}

    def extension(self, name: str, *, usual: bool) -> bool:
        """Whether scripts may use an extension; `usual` where they may unless it is taken away."""
        if self.config.new:
            values = [v for k, v in self.config.settings.items() if k.endswith(f"sieve_extensions/{name}")]
            return "yes" in values or (usual and not values)
        values = [v for k, v in self.config.settings.items() if k.endswith("/sieve_extensions")] or [""]
        return any(_allows(value.strip('"').split(), name, usual) for value in values)

    @property
    def open_ways(self) -> list[str]:
        """What a user's own script may do that sends mail on."""
        ways = ["Sieve redirect"] if self.redirects else []
        ways += ["Sieve notify"] if self.extension("enotify", usual=True) or self._old_notify else []
        return ways + [f"Sieve {name}" for name in _PROGRAMS if self.extension(name, usual=False)]

    @property
    def _old_notify(self) -> bool:
        return self.extension("notify", usual=False)

    @property
    def elsewhere(self) -> str:
        """What says that scripts are where they were not looked for; empty where nothing does."""
        for key, raw in self.config.settings.items():
            value = raw.strip('"')
            if key == "mail_home" and value not in _HOMES:
                return f"{key} = {value}"
            if re.fullmatch(r"plugin/sieve|plugin/sieve_(before|after|global|default|discard)\w*", key) or (
                re.match(r"sieve_script ", key) and key.endswith(("/path", "/driver", "/active_path"))
            ):
                usual = re.fullmatch(
                    r"(file:)?~/(sieve|\.dovecot\.sieve)(;active=~/\.dovecot\.sieve)?|file", value
                )
                if not usual and not re.fullmatch(r"(file:)?/[^%~;]+", value):
                    return f"{key} = {value}"
        return "a user database other than the system's" if self.users_elsewhere else ""


def _allows(words: list[str], name: str, usual: bool) -> bool:
    plain = [word for word in words if word[0] not in "+-"]
    allowed = name in plain if plain else usual
    for word in words:
        if word[1:] == name and word[0] in "+-":
            allowed = word[0] == "+"
    return allowed


def parse_sieve(text: str) -> Sieve | None:
    """Return what the read said; None without Dovecot. Raises DovecotError and FilesError."""
    if text.splitlines() == ["absent"]:
        return None
    head, _, tail = text.partition("@scripts\n")
    config = parse_dovecot(head)
    if config is None:
        return None
    named = re.findall(r"^userdb ([^ {]+)", head, re.MULTILINE)
    named += re.findall(r"^userdb \{\n(?:.*\n)*? *driver = (\S+)", head, re.MULTILINE)
    return Sieve(config, parse_files(tail.splitlines()), any(name != "passwd" for name in named))


def look(sieve: Sieve, found: Found) -> None:
    """Add to `found` what Sieve does; nothing where it is not loaded, or may send nowhere."""
    if not sieve.loaded or not (ways := sieve.open_ways):
        return
    found.own_ways += [(way, _SOURCE) for way in ways]
    for file in sieve.files.of("sieve"):
        if file.user == "-" or PurePosixPath(file.path).name == ".dovecot.sieve":
            _script(sieve, found, file, 0)
    if elsewhere := sieve.elsewhere:
        found.doubt("sieve", f"scripts of users are where they are not looked for ({elsewhere}).", _SOURCE)
    if not sieve.files.listed_users:
        reason = "not every user is in /etc/passwd, and whose scripts run is not known."
        found.doubt("sieve", reason, "/etc/nsswitch.conf: passwd")


def _script(sieve: Sieve, found: Found, file: UserFile, depth: int) -> None:
    source = f"@{found.addresses.home}" if file.user == "-" else found.addresses.address(file.user)
    if not file.whole or "broken" in file.text.splitlines() or depth >= _DEPTH:
        found.doubt("sieve", f"{file.path} could not be read, or understood.", file.path)
        return
    for wanted in of_sieve(file.text):
        if wanted.kind is not Kind.INCLUDE:
            found.send(source, wanted, Place("Sieve", file.path, "sieve"))
            continue
        name = f"{wanted.text}.sieve"
        others = [f for f in sieve.files.of("sieve") if PurePosixPath(f.path).name == name]
        others = [f for f in others if f.user in (file.user, "-")]
        if not others:
            found.doubt("sieve", f"{file.path} includes {wanted.text}, which was not found.", file.path)
        for other in others:
            _script(sieve, found, other, depth + 1)
