"""From what libraries and hosts say to an outcome and one sentence for the operator. Pure."""

from __future__ import annotations

import re

from kijun.model import Outcome

Ending = tuple[Outcome, str]

# What sudo (and sudo-rs) say on stderr in the C locale, most telling first.
_SUDO = (
    (
        r"(?s)kijun-ask.*kijun-ask|incorrect password|sorry, try again|incorrect auth|authentication fail",
        "sudo refused the password in ansible_become_password; it was tried once",
    ),
    (
        r"a password is required|interactive authentication is required|no password was provided",
        "sudo asks for a password; set ansible_become_password, or allow this user passwordless sudo",
    ),
    (
        r"must have a tty|a terminal is required to|no tty present",
        "sudo demands a terminal (requiretty), which reading does not use; lift that demand for this user",
    ),
    (
        r"not in the sudoers|not allowed to (run|execute)|may not run sudo|i'm sorry .*afraid i can't",
        "this user may not run commands as root by sudo",
    ),
    (
        r"(account|password) (has|is|or password is) expired|password change required|validation fail",
        "the host refuses this user: the account or its password has expired",
    ),
    (
        r"sudo: (command )?not found|sudo.: no such file",
        "there is no sudo on the host; log in as root, or install sudo",
    ),
    (
        r"account is currently not available|not allowed to log ?in",
        "this user's login shell lets nobody in",
    ),
)


# What pyinfra, paramiko and the system say when a connection fails, in the order of looking for them.
_CONNECT = (
    (
        r"no host key for",
        Outcome.DENIED,
        "the host key of {address} is not known; compare it with the host's own, then add it to your "
        "known_hosts (ssh-keyscan -p {port} {address}), or set StrictHostKeyChecking=accept-new "
        "in ansible_ssh_common_args",
    ),
    (
        r"host key error|does not match",
        Outcome.DENIED,
        "the host key of {address} is not the one in known_hosts; if the host was reinstalled, "
        "remove the old key with ssh-keygen -R '[{address}]:{port}'",
    ),
    (
        r"encrypted|passphrase",
        Outcome.DENIED,
        "the private key for {name} needs a passphrase; load it into ssh-agent first",
    ),
    (
        r"authentication error|no authentication methods",
        Outcome.DENIED,
        "{address} refused the login; check ansible_user and the key or password for {name}",
    ),
    (
        r"could not resolve|name or service not known",
        Outcome.UNREACHABLE,
        "the name {address} cannot be resolved",
    ),
    (r"timed out|timeout", Outcome.UNREACHABLE, "{address} port {port} does not answer"),
    (r"refused", Outcome.UNREACHABLE, "{address} refuses connections on port {port}"),
    (
        r"no route|unreachable|unable to connect",
        Outcome.UNREACHABLE,
        "there is no way to {address} port {port}",
    ),
    (
        r"banner|eof|reset",
        Outcome.UNREACHABLE,
        "{address} port {port} closed the connection before SSH began (MaxStartups, or no sshd)",
    ),
)


def connecting(text: str, name: str, address: str, port: int, proxy_said: str = "") -> Ending:
    """Return how an attempt to connect ended, from pyinfra's error text and what a jump command said."""
    if proxy_said:
        return Outcome.UNREACHABLE, f"the jump towards {address} failed: {one_line(proxy_said)}"
    for pattern, outcome, sentence in _CONNECT:
        if re.search(pattern, text, re.IGNORECASE):
            return outcome, sentence.format(name=name, address=address, port=port)
    return Outcome.UNREACHABLE, f"connecting to {address} failed: {one_line(text)}"


def refused(complaint: bytes, status: int) -> Ending:
    """Return why the script did not start: sudo, a login shell that exits, an expired account."""
    text = complaint.decode("utf-8", "replace")
    text = re.sub(r"^kijun-pid .*\n", "", text, flags=re.MULTILINE)
    for pattern, sentence in _SUDO:
        if re.search(pattern, text, re.IGNORECASE):
            return Outcome.DENIED, sentence
    if "sudo" in text:
        return Outcome.DENIED, f"sudo did not run the reading: {one_line(text)}"
    said = f": {one_line(text)}" if text.strip() else ""
    return Outcome.MALFORMED, f"the host ended the reading before it began (exit status {status}){said}"


def one_line(text: str) -> str:
    """Return the last line of `text` that says something, printable and short."""
    lines = [line for line in text.splitlines() if line.strip() and not line.endswith("kijun-ask")]
    return re.sub(r"[^ -~]", "?", lines[-1].strip())[:200] if lines else "no reason given"
