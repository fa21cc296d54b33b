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
BATCH = 4000
WAIT = 1.0
_OTHER_FILES = 128  # what the process has open besides
_TRIES = 3  # a datagram may be lost, and answers to refused ones are few a second (ICMP rate limit)


def tcp_answers(address: str, ports: Iterable[int]) -> dict[int, str]:
    """Return the ports that answered, and how: "open" or "refused". Silence is no answer."""
    found: dict[int, str] = {}
    waiting = list(ports)
    with _many_files(BATCH) as most:
        while waiting:
            batch, waiting = waiting[:most], waiting[most:]
            found |= _try(address, batch)
    return dict(sorted(found.items()))


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


def _try(address: str, ports: list[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    poll = select.epoll()
    open_now: dict[int, tuple[socket.socket, int]] = {}
    try:
        for port in ports:
            one = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            open_now[one.fileno()] = (one, port)
            _note(found, port, one.connect_ex((address, port)))
            poll.register(one.fileno(), select.EPOLLOUT | select.EPOLLERR)
        end = time.monotonic() + WAIT
        while open_now and (left := end - time.monotonic()) > 0:
            for descriptor, _ in poll.poll(left):
                one, port = open_now.pop(descriptor)
                poll.unregister(descriptor)
                _note(found, port, one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
                one.close()
    finally:
        for one, _ in open_now.values():
            one.close()
        poll.close()
    return found


def _note(found: dict[int, str], port: int, error: int) -> None:
    """Keep what an attempt came to: unreachable is silence; what this machine lacks is an error."""
    if error == 0:
        found[port] = "open"
    elif error == errno.ECONNREFUSED:
        found[port] = "refused"
    elif error in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL):
        raise OSError(error, f"the control node cannot try port {port}")


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
