"""What left a host by mail, or was tried to, as its mail server's log says."""

from __future__ import annotations

import re

from testinfra.host import Host

from kijun.proving.mail import own_domain

_MAINLOG = "tail -qc 4000000 /var/log/exim4/mainlog"
_LINE = re.compile(
    r"[-\d]+ [:.\d]+(?: [-+]\d+)?(?: \[\d+\])? "
    r"(?P<id>[0-9A-Za-z-]{16,}) (?P<mark><=|=>|->|\*\*|==) (?P<rest>.*)"
)


def left(host: Host, word: str, began: str) -> list[str]:
    """Return the addresses outside to whom the mail with `word` was sent, or tried to be, since `began`.

    A mail that is forwarded keeps its Message-ID and gets a new number in the queue; the log has both.
    """
    return _by_postfix(host, word, began) if host.exists("postconf") else _by_exim(host, word)


def _by_postfix(host: Host, word: str, began: str) -> list[str]:
    log = host.check_output("journalctl --quiet --output=short --since=@%s SYSLOG_FACILITY=2", began)
    lines = [line.partition("postfix")[2] for line in log.splitlines()]
    numbers = {line.split(": ")[1] for line in lines if f"message-id=<{word}@" in line and ": " in line}
    sent = [line for line in lines if line.partition("[")[0].endswith("/smtp") and "to=<" in line]
    return [
        line.partition("to=<")[2].partition(">")[0]
        for line in sent
        if len(parts := line.split(": ", 2)) == 3 and parts[1] in numbers
    ]


def _by_exim(host: Host, word: str) -> list[str]:
    """Of the log's lines (Exim's manual, "Log files"): arrivals name the Message-ID, deliveries the address.

    A delivery into a box names a user without a domain; what fails or waits is named in full.
    """
    lines = [found for line in host.check_output(_MAINLOG).splitlines() if (found := _LINE.match(line))]
    numbers = {found["id"] for found in lines if found["mark"] == "<=" and f"id={word}@" in found["rest"]}
    own = own_domain(host)
    sent = [
        found["rest"].split(" ")[0].rstrip(":")
        for found in lines
        if found["id"] in numbers and found["mark"] != "<="
    ]
    return [address for address in dict.fromkeys(sent) if "@" in address and not address.endswith(f"@{own}")]


def tried(host: Host, address: str, began: str) -> bool:
    """Say whether anything at all was sent, or tried to be, to an address that was never used before."""
    if host.exists("postconf"):
        log = host.check_output("journalctl --quiet --output=cat --since=@%s SYSLOG_FACILITY=2", began)
        return any(f"to=<{address}>" in line for line in log.splitlines())
    lines = [found for line in host.check_output(_MAINLOG).splitlines() if (found := _LINE.match(line))]
    return any(found["mark"] != "<=" and address in found["rest"] for found in lines)
