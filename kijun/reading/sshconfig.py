"""What OpenSSH would do for one host, asked of OpenSSH itself (`ssh -G`), for pyinfra to do the same.

`~/.ssh/config`, `/etc/ssh/ssh_config`, Match, Include and the options in Ansible's variables are so honoured
without a second implementation of any of them. Source: ssh(1) `-G` and `-W`, ssh_config(5). Runs in the
reading process.
"""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from kijun.reading.protocol import Connection

_STRICT = {"false": "no", "off": "no", "no": "no", "accept-new": "accept-new"}


class ConfigError(Exception):
    """ssh refuses the options; the text is its own sentence."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where and how to connect: everything that `ssh` would have decided."""

    address: str
    port: int
    user: str
    strict: str  # "yes", "no" or "accept-new"
    known_hosts: tuple[str, ...]
    identities: tuple[str, ...]
    agent: str  # socket path; "" for $SSH_AUTH_SOCK, "none" for no agent
    proxy: str  # a shell command whose stdin and stdout are the connection, or ""


def route(host: Connection) -> Route:
    """Return how OpenSSH would reach `host`; raises ConfigError where it refuses the options."""
    command = ["ssh", "-G", *host.ssh_args]
    if host.port:
        command += ["-p", str(host.port)]
    if host.user:
        command += ["-l", host.user]
    if host.key_file:
        command += ["-i", host.key_file]
    done = subprocess.run(
        [*command, "--", host.address], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        raise ConfigError((done.stderr.strip().splitlines() or ["ssh -G failed"])[-1])
    options: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        key, _, value = line.partition(" ")
        options.setdefault(key, []).append(value)
    return _route(host, options)


def _route(host: Connection, options: dict[str, list[str]]) -> Route:
    def first(key: str, default: str = "") -> str:
        return options.get(key, [default])[0]

    asked = _STRICT.get(first("stricthostkeychecking"), "yes")
    known = first("userknownhostsfile").split() + first("globalknownhostsfile").split()
    identities = [str(Path(name).expanduser()) for name in options.get("identityfile", [])]
    agent = first("identityagent")
    address, port, user = first("hostname", host.address), int(first("port", "22")), first("user")
    return Route(
        address=address,
        port=port,
        user=user,
        strict=asked if host.host_key_checking else "no",
        known_hosts=tuple(str(Path(name).expanduser()) for name in known),
        identities=tuple(name for name in identities if Path(name).is_file()),
        agent="" if agent in ("", "SSH_AUTH_SOCK") else agent,
        proxy=_proxy(host, options, (address, port, user)),
    )


def _proxy(host: Connection, options: dict[str, list[str]], to: tuple[str, int, str]) -> str:
    """Return the command that carries the connection: ProxyCommand, or ProxyJump as ssh expands it."""
    address, port, user = to
    command, jump = (options.get(key, [""])[0] for key in ("proxycommand", "proxyjump"))
    if command and command != "none":
        tokens = {"%h": address, "%p": str(port), "%r": user, "%n": host.address, "%%": "%"}
        return _expand(command, tokens)
    if not jump or jump == "none":
        return ""
    *earlier, last = jump.split(",")
    hop = last.removeprefix("ssh://")
    parts = ["ssh", "-o", "BatchMode=yes"]
    if (config := _config_file(host.ssh_args)) is not None:
        parts += ["-F", config]
    if earlier:
        parts += ["-J", ",".join(earlier)]
    name, colon, hop_port = hop.rpartition(":")
    if colon and hop_port.isdigit() and (":" not in name or name.endswith("]")):
        parts += ["-p", hop_port]
        hop = name
    login, _, hop_host = hop.rpartition("@")
    if login:
        parts += ["-l", login]
    target = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return shlex.join([*parts, "-W", target, "--", hop_host.strip("[]")])


def _expand(text: str, tokens: dict[str, str]) -> str:
    out, rest = "", text
    while "%" in rest:
        before, _, after = rest.partition("%")
        out += before + tokens.get("%" + after[:1], "%" + after[:1])
        rest = after[1:]
    return out + rest


def _config_file(args: tuple[str, ...]) -> str | None:
    for index, arg in enumerate(args):
        if arg == "-F":
            return args[index + 1] if index + 1 < len(args) else None
        if arg.startswith("-F"):
            return arg[2:]
    return None
