"""Many hosts at once over pyinfra's connectors: one function per host, and none disturbs another.

Runs in the reading process, after gevent has patched it.
"""

from __future__ import annotations

import logging
import math
import os
import random
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import gevent
from gevent.lock import Semaphore
from gevent.pool import Pool
from pyinfra.api.config import Config
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.inventory import Inventory
from pyinfra.api.state import State

from kijun.model import Outcome
from kijun.reading import reasons
from kijun.reading.connecting import (
    BoundedLocalConnector,
    BoundedSSHConnector,
    Bounds,
    Received,
    remote_command,
)
from kijun.reading.frames import started
from kijun.reading.protocol import Answer, Connection, Job, write_answer
from kijun.reading.sshconfig import ConfigError, Route, route

_RETRIES = 6
_RETRY_ON = (
    "banner",
    "EOF",
    "reset by peer",
    "Connection reset",
)  # MaxStartups: sshd drops it before its banner


def prepare() -> None:
    """Do what no job is needed for, while the job is still being made: pyinfra imports all its connectors."""
    _silence_libraries()
    Inventory(([], {}))  # type: ignore[no-untyped-call]


def run(job: Job, answers: IO[bytes]) -> None:
    """Read every host of `job` and send one answer for each, in the order in which they end."""
    names = [(f"h{number}", _host_data(host)) for number, host in enumerate(job.hosts)]
    inventory = Inventory((names, {}))  # type: ignore[no-untyped-call]
    for number, host in enumerate(job.hosts):
        local = host.kind == "local"
        inventory.hosts[f"h{number}"].connector_cls = BoundedLocalConnector if local else BoundedSSHConnector
    config = Config(CONNECT_TIMEOUT=math.ceil(job.connect_timeout))  # type: ignore[no-untyped-call]
    State(inventory, config)
    lock = Semaphore()
    with tempfile.TemporaryDirectory(prefix="kijun-") as scratch:
        known_hosts = _KnownHosts(Path(scratch))

        def one(number: int) -> None:
            answer = _read(job, job.hosts[number], inventory.hosts[f"h{number}"], known_hosts)
            with lock:
                write_answer(answers, answer)

        pool = Pool(job.forks)
        for number in range(len(job.hosts)):
            pool.spawn(one, number)
        pool.join()


def _read(job: Job, host: Connection, target: Any, known_hosts: _KnownHosts) -> Answer:
    """Read one host; whatever happens ends in an answer."""
    begun = time.monotonic()
    answer = Answer(host.name, Outcome.TIMED_OUT, f"no answer within {job.timeout:g} s", 0.0)
    try:
        with gevent.Timeout(job.timeout, False):
            answer = _attempt(job, host, target, known_hosts)
    except Exception as bad:  # noqa: BLE001 - a library's surprise ends one host, not the run
        reason = f"reading failed: {type(bad).__name__}: {reasons.one_line(str(bad))}"
        answer = Answer(host.name, Outcome.UNREACHABLE, reason, 0.0)
    finally:
        gevent.spawn(target.connector.close)
    return replace(answer, seconds=round(time.monotonic() - begun, 3))


def _attempt(job: Job, host: Connection, target: Any, known_hosts: _KnownHosts) -> Answer:
    if host.unsupported:
        return Answer(host.name, Outcome.DENIED, host.unsupported, 0.0)
    user = host.user or ""
    if host.kind == "ssh":
        try:
            way = route(host)
        except ConfigError as bad:
            return Answer(
                host.name, Outcome.UNREACHABLE, f"ssh refuses the options for {host.name}: {bad}", 0.0
            )
        if ending := _connect(host, target, way, known_hosts):
            return Answer(host.name, *ending, 0.0)
        user = way.user
    elif os.geteuid() == 0:
        user = "root"
    seconds = math.ceil(job.timeout) + 1
    root = user == "root"
    password = host.become_password is not None and host.become and not root
    command = remote_command(root=root, become=host.become, password=password, seconds=seconds)
    _, received = target.run_shell_command(
        command,
        _script=job.script.encode(),
        _password=f"{host.become_password}\n".encode() if password else None,
        _bounds=Bounds(job.limit, f"@{job.nonce} start".encode(), f"@{job.nonce} stop".encode()),
    )
    return _judge_transfer(job, host, received)


def _judge_transfer(job: Job, host: Connection, received: Received) -> Answer:
    if received.overflow:
        reason = f"the host sent more than {job.limit} bytes"
        return Answer(host.name, Outcome.MALFORMED, reason, 0.0)
    if not started(received.raw, job.nonce):
        said = received.raw[:2000] + b"\n" + received.complaint
        return Answer(host.name, *reasons.refused(said, received.status), 0.0)
    if received.status in (124, 137):
        return Answer(host.name, Outcome.TIMED_OUT, f"the reading took longer than {job.timeout:g} s", 0.0)
    times = (received.asked, received.answered)
    return Answer(host.name, Outcome.COLLECTED, "", 0.0, received.raw, *times)


def _connect(host: Connection, target: Any, way: Route, known_hosts: _KnownHosts) -> reasons.Ending | None:
    """Connect, trying again with growing pauses where sshd sheds load; return why not, or None."""
    data = target.connector.data
    data["ssh_known_hosts_file"] = known_hosts.merged(way.known_hosts)
    data["ssh_strict_host_key_checking"] = way.strict
    if way.strict == "accept-new":
        data["ssh_known_hosts_file"] = way.known_hosts[0]  # where the accepted key is to be written
    data["ssh_hostname"], data["ssh_port"], data["ssh_user"] = way.address, way.port, way.user
    options: dict[str, Any] = {
        "key_filename": list(way.identities),
        "banner_timeout": 10,
        "look_for_keys": False,
    }
    if way.agent == "none":
        options["allow_agent"] = False
    for attempt in range(_RETRIES):
        proxy = _Proxy(way.proxy) if way.proxy else None
        if proxy:
            options["sock"] = proxy.sock
        data["ssh_paramiko_connect_kwargs"] = options
        try:
            target.connect(show_errors=False, raise_exceptions=True)
            return None
        except (PyinfraError, EOFError, OSError) as bad:
            said = str(bad)
            dropped = any(sign in said for sign in _RETRY_ON)
            proxy_said = proxy.failure() if proxy and dropped else ""
            target.connector.close()
        if proxy_said or attempt == _RETRIES - 1 or not dropped:
            break
        gevent.sleep(0.2 * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311 - spreads retries
    return reasons.connecting(said, host.name, way.address, way.port, proxy_said)


class _Proxy:
    """The command that carries a connection (ProxyCommand, ProxyJump), with a socket to it for paramiko."""

    def __init__(self, command: str) -> None:
        self.sock, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.PIPE,
        )
        theirs.close()

    def failure(self) -> str:
        """Return what the command said where it ends with an error, else ""; waits a moment."""
        try:
            if self._process.wait(timeout=1) == 0:
                return ""
        except subprocess.TimeoutExpired:
            return ""
        assert self._process.stderr is not None
        return self._process.stderr.read(4096).decode("utf-8", "replace") or "it ended with an error"


class _KnownHosts:
    """pyinfra takes one known_hosts file, OpenSSH several: one merged copy per distinct list of files."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._made: dict[tuple[str, ...], str] = {}

    def merged(self, names: tuple[str, ...]) -> str:
        """Return a file with the lines of all of `names` that exist."""
        if names not in self._made:
            lines = [Path(name).read_bytes().rstrip(b"\n") + b"\n" for name in names if Path(name).is_file()]
            path = self._scratch / f"known_hosts.{len(self._made)}"
            path.write_bytes(b"".join(lines))
            self._made[names] = str(path)
        return self._made[names]


def _host_data(host: Connection) -> dict[str, Any]:
    return {"ssh_password": host.password} if host.kind == "ssh" and host.password else {}


def _silence_libraries() -> None:
    """paramiko and pyinfra log, and paramiko's threads print tracebacks; each host has its reason instead."""
    for name in ("paramiko", "pyinfra"):
        logger = logging.getLogger(name)
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
        logger.setLevel(logging.CRITICAL + 1)
    threading.excepthook = lambda _args: None
    gevent.get_hub().NOT_ERROR += (Exception,)
