"""Looking at a host's ports from the control node, as anybody on the network could.

Connections are tried for real, so no privilege is needed. Some thousand at a time: a filter that drops is
silent, and only waiting tells. Bounded in time: `WAIT` seconds for each `BATCH` ports.
"""

from __future__ import annotations

import errno
import resource
import select
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

ALL_TCP = range(1, 65536)
# What is found open over UDP most often: names, boot, RPC, time, NetBIOS, management, keys, VPN, discovery.
COMMON_UDP = (
    *(7, 17, 19, 53, 67, 69, 111, 123, 137, 138, 161, 162, 177, 389, 427, 443, 500, 514, 520, 623, 631),
    *(1194, 1434, 1645, 1646, 1701, 1812, 1813, 1900, 2049, 2222, 3283, 3478, 4500, 5004, 5060, 5351, 5353),
    *(5355, 5683, 6881, 9987, 10000, 10080, 11211, 27015, 32768, 33434, 49152, 51820),
)
BATCH = 8000
WAIT = 1.5  # longer than the second in which the kernel sends a lost SYN again (RFC 6298)
_OTHER_FILES = 128  # what the process has open besides
_TRIES = 3  # a datagram may be lost, and answers to refused ones are few a second (ICMP rate limit)


def tcp_scan(addresses: Iterable[str], ports: Iterable[int]) -> dict[str, dict[int, str]]:
    """Return, for each address, the ports that answered, and how: "open" or "refused".

    Silence is no answer. OSError where this machine cannot try so many.
    """
    listed = list(ports)
    found: dict[str, dict[int, str]] = {address: {} for address in addresses}
    waiting = [(address, port) for port in listed for address in found]
    with _many_files(BATCH) as most:
        for start in range(0, len(waiting), most):
            for (address, port), how in _try(waiting[start : start + most]).items():
                found[address][port] = how
    return {address: dict(sorted(answers.items())) for address, answers in found.items()}


def await_open(address: str, ports: Iterable[int], patience: float) -> bool:
    """Return whether one of the ports is open at the address, waiting `patience` seconds at most for it.

    A host that has just come up is not found at once: its IPv6 address is still tried for duplicates, its
    neighbours do not know it yet, and of what is sent meanwhile the kernel keeps little.
    """
    listed = list(ports)
    end = time.monotonic() + patience
    while "open" not in tcp_answers(address, listed).values():
        if time.monotonic() > end:
            return False
    return True


def tcp_answers(address: str, ports: Iterable[int]) -> dict[int, str]:
    """Return what `tcp_scan` finds at one address."""
    return tcp_scan([address], ports)[address]


@contextmanager
def _many_files(wanted: int) -> Iterator[int]:
    """Let this process open so many files for a while; yield how many it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = needed = wanted + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        limit = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield max(limit - _OTHER_FILES, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


_Door = tuple[str, int]


def _try(doors: list[_Door]) -> dict[_Door, str]:
    found: dict[_Door, str] = {}
    poll = select.epoll()
    trying: dict[int, tuple[socket.socket, _Door]] = {}
    try:
        for address, port in doors:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            one = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            trying[one.fileno()] = (one, (address, port))
            _note(found, (address, port), one.connect_ex((address, port)))
            poll.register(one.fileno(), select.EPOLLOUT | select.EPOLLERR)
        end = time.monotonic() + WAIT
        while trying and (left := end - time.monotonic()) > 0:
            for descriptor, _ in poll.poll(left):
                one, door = trying.pop(descriptor)
                poll.unregister(descriptor)
                _note(found, door, one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
                one.close()
    finally:
        for one, _ in trying.values():
            one.close()
        poll.close()
    return found


def _note(found: dict[_Door, str], door: _Door, error: int) -> None:
    """Keep what an attempt came to: unreachable is silence; what this machine lacks is an error."""
    if error == 0:
        found[door] = "open"
    elif error == errno.ECONNREFUSED:
        found[door] = "refused"
    elif error in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL):
        raise OSError(error, f"the control node cannot try port {door[1]}")


def udp_answers(address: str, ports: Iterable[int], wait: float = WAIT) -> dict[int, str]:
    """Return the ports that answered a datagram, and how: "open" or "refused"."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found: dict[int, str] = {}
    tried = {port: socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) for port in ports}
    try:
        for port, one in tried.items():
            one.connect((address, port))
        for _ in range(_TRIES):
            for port, one in tried.items():
                found |= _answer(one, port)
                if port not in found:
                    _note_sent(found, port, one)
            time.sleep(wait / _TRIES)
        for port, one in tried.items():
            found |= _answer(one, port)
    finally:
        for one in tried.values():
            one.close()
    return dict(sorted(found.items()))


def _note_sent(found: dict[int, str], port: int, one: socket.socket) -> None:
    try:
        one.send(b"kijun\n")
    except ConnectionRefusedError:
        found[port] = "refused"


def _answer(one: socket.socket, port: int) -> dict[int, str]:
    try:
        one.recv(2048)
    except BlockingIOError:
        return {}
    except ConnectionRefusedError:
        return {port: "refused"}
    return {port: "open"}
