"""pyinfra's connectors with a bounded, byte-exact `run_shell_command`. Imported by the reading process only.

pyinfra 3.10 keeps all output in memory as decoded lines, however much a host prints; these keep at most
`limit` bytes.
"""

from __future__ import annotations

import os
import shlex
import signal
from dataclasses import dataclass, field
from typing import Any

import gevent
from gevent import subprocess
from pyinfra.api.command import StringCommand
from pyinfra.connectors.local import LocalConnector
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.connectors.util import CommandOutput

_CHUNK = 64 * 1024
_STDERR_KEPT = 8 * 1024


@dataclass
class Received(CommandOutput):
    """What a command sent, as bytes. `overflow`: it sent more than was allowed and was cut off."""

    combined_lines: list[Any] = field(default_factory=list)
    raw: bytes = b""
    complaint: bytes = b""
    overflow: bool = False
    status: int = -1


class BoundedSSHConnector(SSHConnector):
    """SSH, with `_stdin` as bytes and at most `host.data.kijun_limit` bytes back."""

    def run_shell_command(
        self,
        command: StringCommand,
        print_output: bool = False,  # noqa: ARG002 - pyinfra's signature
        print_input: bool = False,  # noqa: ARG002
        **arguments: Any,
    ) -> tuple[bool, Received]:
        """Run `command` in the user's login shell; returns success and what came back."""
        assert self.client is not None
        transport = self.client.get_transport()
        assert transport is not None
        channel = transport.open_session()
        received = Received()
        chunks: list[bytes] = []
        try:
            channel.exec_command(command.get_raw_value())
            sender = gevent.spawn(_send, channel, arguments["_stdin"])
            listener = gevent.spawn(_listen, channel, received)
            received.overflow = _collect(lambda: channel.recv(_CHUNK), chunks, self.host.data.kijun_limit)
            if not received.overflow:
                listener.join(2)
                received.status = channel.recv_exit_status()
            gevent.killall([sender, listener])
        finally:
            channel.close()
        received.raw = b"".join(chunks)
        return received.status == 0, received

    def close(self) -> None:
        """Close the connection, also one that is half made."""
        if self.client is not None:
            self.client.close()


class BoundedLocalConnector(LocalConnector):
    """This machine, in the same way."""

    process: subprocess.Popen | None = None

    def run_shell_command(
        self,
        command: StringCommand,
        print_output: bool = False,  # noqa: ARG002 - pyinfra's signature
        print_input: bool = False,  # noqa: ARG002
        **arguments: Any,
    ) -> tuple[bool, Received]:
        """Run `command` with sh; returns success and what came back."""
        self.process = process = subprocess.Popen(
            ["/bin/sh", "-c", command.get_raw_value()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        received = Received()
        chunks: list[bytes] = []
        sender = gevent.spawn(_feed, process.stdin, arguments["_stdin"])
        listener = gevent.spawn(_listen_pipe, process.stderr, received)
        received.overflow = _collect(lambda: process.stdout.read1(_CHUNK), chunks, self.host.data.kijun_limit)
        if received.overflow:
            self.close()
        received.status = process.wait()
        listener.join(2)
        gevent.killall([sender, listener])
        received.raw = b"".join(chunks)
        return received.status == 0, received

    def close(self) -> None:
        """End the command and what it started, where it still runs."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)


def remote_command(*, root: bool, become: bool, password: bool, seconds: int) -> StringCommand:
    """Return what to run in the login shell so that root's `sh` reads the script from stdin.

    With a password, its line comes first on stdin. `sudo -S` gets that line from a pipe that then ends, so a
    wrong password is tried once and never three times (pam_faillock would lock the operator); the password is
    in no argument, no environment and no file. Root's shell reopens the first shell's stdin, `cat`'s pipe,
    which sudo never held. `timeout` ends everything on the host even when nobody listens any more.
    """
    bounded = f"timeout -k 2 {seconds} sh"
    if root or not become:
        return StringCommand(f"{bounded} -s")
    if not password:
        return StringCommand(f"env LC_ALL=C sudo -n {bounded} -s")
    inner = (
        "IFS= read -r kijun_pw; export LC_ALL=C; "
        'printf "%s\\n" "$kijun_pw" | '
        f'sudo -S -k -p "" {bounded} -c "exec sh -s </proc/$$/fd/0"'
    )
    return StringCommand(f"cat | sh -c {shlex.quote(inner)}")


def _collect(receive: Any, chunks: list[bytes], limit: int) -> bool:
    """Fill `chunks` until the end; True where there was more than `limit`."""
    total = 0
    while chunk := receive():
        total += len(chunk)
        if total > limit:
            return True
        chunks.append(chunk)
    return False


def _send(channel: Any, data: bytes) -> None:
    try:
        channel.sendall(data)
        channel.shutdown_write()
    except OSError:
        return  # the host closed first; its answer, or the lack of one, says the rest


def _feed(pipe: Any, data: bytes) -> None:
    try:
        pipe.write(data)
        pipe.close()
    except OSError:
        return  # as in _send


def _listen(channel: Any, received: Received) -> None:
    while chunk := channel.recv_stderr(_CHUNK):
        received.complaint = (received.complaint + chunk)[:_STDERR_KEPT]


def _listen_pipe(pipe: Any, received: Received) -> None:
    while chunk := pipe.read1(_CHUNK):
        received.complaint = (received.complaint + chunk)[:_STDERR_KEPT]
