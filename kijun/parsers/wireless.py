"""What a host says of its wireless configuration: files with their settings, and how long secrets are.

The lines are written by `kijun.topics._wireless_reads`, fields apart by tabs.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class WirelessError(ValueError):
    """What the host sent is not whole, or not understood."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that is set: its name, its form (text, or raw for a key made of one) and its length."""

    key: str
    form: str
    length: int


@dataclass(frozen=True, slots=True)
class Held:
    """A file of secrets that a configuration names; `mode` is -1 where it is not there."""

    key: str
    path: str
    mode: int
    uid: int
    gid: int
    shortest: int | None  # of the passphrases in it


@dataclass
class Block:
    """Settings of one network, of one section, or of all of a file; of several lines the last counts."""

    settings: dict[str, str] = field(default_factory=dict)
    secrets: list[Secret] = field(default_factory=list)

    def get(self, key: str, default: str = "") -> str:
        """Return the value of `key`, `default` where it is not set or empty."""
        return self.settings.get(key, "") or default

    def words(self, key: str, default: str = "") -> frozenset[str]:
        """Return the words of the value, in capitals; "?" stands for one that no standard knows."""
        return frozenset(self.get(key, default).split())

    def has_secret(self, *keys: str) -> bool:
        """Whether one of these is set to something."""
        return any(secret.key in keys and secret.length > 0 for secret in self.secrets)


@dataclass
class ConfigFile:
    """One file, of hostapd, (wpa_)supplicant, (Network)manager or iwd."""

    kind: str
    path: str
    mode: int
    uid: int
    gid: int
    unread: bool = False
    blocks: dict[str, Block] = field(default_factory=dict)
    held: dict[str, list[Held]] = field(default_factory=dict)

    def block(self, name: str) -> Block:
        """Return a block by name; an empty one where the file has none of that name."""
        return self.blocks.get(name, Block())

    @property
    def has_secrets(self) -> bool:
        """Whether anything in the file must not be seen by others."""
        return any(secret.length for block in self.blocks.values() for secret in block.secrets)


@dataclass
class Wireless:
    """Everything a host says of its wireless networks."""

    radios: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)  # what manages networks and is not judged
    files: list[ConfigFile] = field(default_factory=list)


def parse_wireless(text: str) -> Wireless:
    """Return what `text` says; raises WirelessError where it is cut off or a line is not understood."""
    found = Wireless()
    lines = text.split("\n")
    if lines[-2:] != ["@end", ""]:
        raise WirelessError("the wireless configuration could not be read to its end")
    for line in lines[:-2]:
        fields = line.split("\t")
        try:
            _take(found, fields)
        except (ValueError, IndexError) as why:
            raise WirelessError(
                f"a line of the wireless configuration is not understood: {line[:60]!r}"
            ) from why
    return found


def _take(found: Wireless, fields: list[str]) -> None:
    match fields:
        case ["@radio", name]:
            found.radios.append(name)
        case ["@stranger", what]:
            found.strangers.append(what)
        case ["@file", kind, path, mode, uid, gid]:
            found.files.append(ConfigFile(kind, path, int(mode, 8), int(uid), int(gid)))
        case ["@unread"]:
            found.files[-1].unread = True
        case ["=", block, key, *value]:
            settings = found.files[-1].blocks.setdefault(block, Block()).settings
            settings[key] = " ".join(value)
        case ["#", block, key, form, length]:
            secrets = found.files[-1].blocks.setdefault(block, Block()).secrets
            secrets[:] = [secret for secret in secrets if secret.key != key or key == "sae_password"]
            secrets.append(Secret(key, form, int(length)))
        case ["@held", block, key, path, "absent", _]:
            found.files[-1].held.setdefault(block, []).append(Held(key, path, -1, 0, 0, None))
        case ["@held", block, key, path, mode, uid, gid, shortest]:
            least = None if shortest == "-" else int(shortest)
            held = Held(key, path, int(mode, 8), int(uid), int(gid), least)
            found.files[-1].held.setdefault(block, []).append(held)
        case _:
            raise ValueError("unknown line")


@dataclass(frozen=True, slots=True)
class Daemon:
    """A program that runs with configuration files of its own: its age, and when each was written."""

    kind: str
    age: int
    written: tuple[tuple[str, int], ...]


def parse_running(text: str) -> list[Daemon]:
    """Return the programs that run; raises WirelessError where the answer is not whole."""
    lines = text.split("\n")
    if lines[-2:] != ["@end", ""]:
        raise WirelessError("what runs could not be read to its end")
    found: list[Daemon] = []
    for line in lines[:-2]:
        match line.split("\t"):
            case ["@process", kind, age] if age.isdecimal():
                found.append(Daemon(kind, int(age), ()))
            case ["@path", when, path] if when.isdecimal() and found:
                last = found[-1]
                found[-1] = Daemon(last.kind, last.age, (*last.written, (path, int(when))))
            case ["@path", "", path] if found:
                last = found[-1]
                found[-1] = Daemon(last.kind, last.age, (*last.written, (path, -1)))
            case _:
                raise WirelessError(f"a line of what runs is not understood: {line[:60]!r}")
    return found
