"""What `doveconf -n` prints, of Dovecot 2.3 and 2.4, as far as it is about mailbox quotas and plugins.

Sources: doveconf(1); the Dovecot manual, "Quota Plugin", of either version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_BLOCK = re.compile(r"^\s*(.*?)\s*\{\s*$")


class DovecotError(ValueError):
    """What was read is not what doveconf prints."""


@dataclass(frozen=True)
class DovecotConfig:
    """The settings of a Dovecot, by the path of blocks that they stand in ("protocol lmtp/mail_plugins")."""

    new: bool  # Dovecot 2.4 and its syntax
    settings: Mapping[str, str]

    def loads(self, plugin: str, protocol: str) -> bool:
        """Whether `protocol` ("lmtp", "imap") loads `plugin`."""
        if self.new:
            own = self.settings.get(f"protocol {protocol}/mail_plugins/{plugin}")
            return (own or self.settings.get(f"mail_plugins/{plugin}", "no")) == "yes"
        own = self.settings.get(f"protocol {protocol}/mail_plugins")
        return (
            plugin in (own if own is not None else self.settings.get("mail_plugins", "")).strip('"').split()
        )

    def loads_quota(self, protocol: str) -> bool:
        """Whether `protocol` loads the quota plugin."""
        return self.loads("quota", protocol)

    @property
    def limit(self) -> int:
        """The storage limit that every mailbox has, in bytes; 0 where there is none."""
        if self.new:
            sizes = [bytes_of(v) for k, v in self.settings.items() if k.endswith("storage_size")]
            named = any(re.match(r"quota [^/]*/driver$", key) for key in self.settings)
            return min(sizes) if sizes and named else 0
        if not self.settings.get("plugin/quota"):
            return 0
        rule = self.settings.get("plugin/quota_rule", "")
        found = re.fullmatch(r"\*:(storage|bytes)=(\S+)", rule.strip())
        size = bytes_of(found[2]) if found else 0
        return size * 1024 if found and found[1] == "storage" and found[2].isdecimal() else size

    @property
    def notices(self) -> tuple[str, ...]:
        """The programs that are started when a mailbox fills up."""
        if self.new:
            pattern = r"quota [^/]*/(quota_)?warning [^/]*/execute ([^/]+)/args"
            names = [found[2] for key in self.settings if (found := re.fullmatch(pattern, key))]
        else:
            values = [v for k, v in self.settings.items() if re.fullmatch(r"plugin/quota_warning\d*", k)]
            names = [words[1] for words in (value.split() for value in values) if len(words) > 1]
        commands = (self.settings.get(f"service {name}/executable", "") for name in names)
        return tuple(words[-1] for words in (command.split() for command in commands) if words)


def bytes_of(text: str) -> int:
    """Return a size such as `1G`, `1 GB` or `1000 B` in bytes; 0 for `0`, `unlimited` and what is none."""
    found = re.fullmatch(r"\s*([0-9]{1,18})\s*([BKMGT]?)B?\s*", text.strip('"'), re.IGNORECASE)
    return int(found[1]) * _UNITS[found[2].lower()] if found else 0


def parse_dovecot(text: str) -> DovecotConfig | None:
    """Return the settings; None where there is no Dovecot. Raises DovecotError for what is cut off."""
    lines = text.splitlines()
    if lines == ["absent"]:
        return None
    if not lines or not re.match(r"2\.[0-9]+\.", lines[0]):
        raise DovecotError("doveconf's answer has no version")
    settings: dict[str, str] = {}
    blocks: list[str] = []
    for line in lines[1:]:
        if found := _BLOCK.match(line):
            blocks.append(found[1])
        elif line.strip() == "}":
            if not blocks:
                raise DovecotError("doveconf's answer is not whole")
            blocks.pop()
        elif " =" in line:
            key, _, value = line.partition(" =")
            settings["/".join([*blocks, key.strip()])] = value.strip()
    if blocks:
        raise DovecotError("doveconf's answer is cut off")
    return DovecotConfig(not lines[0].startswith("2.3"), settings)
