"""pyinfra's connectors with a bounded, byte-exact `run_shell_command`. Imported by the reading process only.

pyinfra 3.10 keeps all output in memory as decoded lines, however much a host prints; these keep at most
`limit` bytes.
"""

from __future__ import annotations

import os
import shlex
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gevent
from gevent import subprocess
from pyinfra.api.command import StringCommand
from pyinfra.connectors.local import LocalConnector
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.connectors.util import CommandOutput

_CHUNK = 64 * 1024
_COMPLAINT_KEPT = 8 * 1024
_ASK, _ROOT = b"kijun-ask\n", b"kijun-root\n"


@dataclass
class Received(CommandOutput):
    """What a command sent, as bytes. `overflow`: it sent more than was allowed and was cut off."""

    combined_lines: list[Any] = field(default_factory=list)
    raw: bytes = b""
    complaint: bytes = b""
    overflow: bool = False
    closed: bool = False
    status: int = -1  # known where the command closed its stdout
    asked: float = 0.0  # when the script was told to go on, and when its last words were here; see now()
    answered: float = 0.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """When the script waits for its go, and where to stop listening: after so many bytes, or last words."""

    limit: int
    first_words: bytes
    last_words: bytes


_BEGAN = time.time() - time.monotonic()


def now() -> float:
    """Return the time as it was when this process began, plus what has passed: nothing sets it meanwhile."""
    return _BEGAN + time.monotonic()


@dataclass
class Dialogue:
    """Our side of the talk with sudo: the password only when asked, once; the script only to root's shell.

    So a password can never be run as a command, whether sudo wants one or not.
    """

    script: bytes
    password: bytes | None
    send: Callable[[bytes], object]
    end: Callable[[], object]
    _answered: bool = False
    _heard: bytes = b""

    def begin(self) -> None:
        """Send what needs no question."""
        if self.password is None:
            self._send_script()

    def hear(self, complaint: bytes) -> None:
        """Answer what stands on stderr so far."""
        if self.password is None:
            return
        if not self._answered and _ASK in complaint:
            self._answered = True
            self._try(lambda: self.send(self.password or b""))
        if _ROOT in complaint:
            self.password = None
            self._send_script()

    def go_on(self) -> None:
        """Tell the script, which has said its first words and waits, to read the host now."""
        gevent.spawn(self._try, lambda: (self.send(b"go\n"), self.end()))

    def _send_script(self) -> None:
        gevent.spawn(self._try, lambda: self.send(self.script))

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except OSError:
            return  # the host closed first; its answer, or the lack of one, says the rest


class BoundedSSHConnector(SSHConnector):
    """SSH, with bytes in and bounded bytes out."""

    def run_shell_command(
        self,
        command: StringCommand,
        print_output: bool = False,  # noqa: ARG002 - pyinfra's signature
        print_input: bool = False,  # noqa: ARG002
        **arguments: Any,
    ) -> tuple[bool, Received]:
        """Run `command` in the login shell with `_script` (and `_password`); returns success and answer."""
        assert self.client is not None
        transport = self.client.get_transport()
        assert transport is not None
        channel = transport.open_session()
        try:
            channel.exec_command(command.get_raw_value())
            talk = Dialogue(
                arguments["_script"], arguments["_password"], channel.sendall, channel.shutdown_write
            )
            received = _converse(talk, channel.recv, channel.recv_stderr, arguments["_bounds"])
            if received.closed:
                received.status = channel.recv_exit_status()
        finally:
            channel.close()
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
        """Run `command` with sh, with `_script` (and `_password`); returns success and answer."""
        self.process = process = subprocess.Popen(
            ["/bin/sh", "-c", command.get_raw_value()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        talk = Dialogue(
            arguments["_script"], arguments["_password"], _writer(process.stdin), process.stdin.close
        )
        received = _converse(talk, process.stdout.read, process.stderr.read, arguments["_bounds"])
        if received.closed:
            received.status = process.wait()
        return received.status == 0, received

    def close(self) -> None:
        """End the command and what it started, where it still runs."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)


# The command's own process is sudo (exec keeps its number); until it is root's shell its user may kill it.
# Were sudo given the end of its input instead, PAM would count that as a second wrong password.
_ONE_TRY = """\
exec 3>&1
sh -c 'echo "kijun-pid $$" >&2; exec env LC_ALL=C sudo -S -k -p "kijun-ask
" {bounded} -c "echo kijun-root >&2; exec sh -s"' 2>&1 >&3 3>&- | {{
asked=
while IFS= read -r line; do
case $line in
"kijun-pid "*) pid=${{line#kijun-pid }} ;;
*kijun-ask) if [ "$asked" ]; then kill -KILL "$pid"; fi; asked=1 ;;
esac
printf "%s\\n" "$line" >&2
done
}}"""


def remote_command(*, root: bool, become: bool, password: bool, seconds: int) -> StringCommand:
    """Return what to run in the login shell so that root's `sh` reads the script from stdin.

    With a password sudo asks on stderr, `Dialogue` answers once, and a second question ends sudo at once: a
    wrong password is tried, and counted by pam_faillock, once and not three times, which locks people out.
    The password is in no argument, no environment and no file. `timeout` ends everything on the host even
    when nobody listens any more.
    """
    bounded = f"timeout -k 2 {seconds} sh"
    if root or not become:
        return StringCommand(f"{bounded} -s")
    if not password:
        return StringCommand(f"env LC_ALL=C sudo -n {bounded} -s")
    return StringCommand(f"sh -c {shlex.quote(_ONE_TRY.format(bounded=bounded))}")


def _converse(
    talk: Dialogue, receive: Callable[[int], bytes], receive_error: Callable[[int], bytes], bounds: Bounds
) -> Received:
    """Talk until the answer is whole, too long, or the command closes its stdout."""
    received = Received()

    def listen() -> None:
        while chunk := receive_error(_CHUNK):
            received.complaint = (received.complaint + chunk)[:_COMPLAINT_KEPT]
            talk.hear(received.complaint)

    listener = gevent.spawn(listen)
    talk.begin()
    chunks: list[bytes] = []
    total, tail = 0, b""
    longest = max(len(bounds.first_words), len(bounds.last_words))
    while not received.overflow and bounds.last_words not in tail:
        chunk = receive(_CHUNK)
        if not chunk:
            received.closed = True
            listener.join(2)
            break
        received.answered = now()
        total += len(chunk)
        received.overflow = total > bounds.limit
        tail = tail[-longest:] + chunk
        if not received.asked and bounds.first_words in tail:
            received.asked = now()
            talk.go_on()
        chunks.append(chunk)
    listener.kill()
    received.raw = b"" if received.overflow else b"".join(chunks)
    return received


def _writer(pipe: Any) -> Callable[[bytes], None]:
    def write(data: bytes) -> None:
        while data:  # an unbuffered pipe takes what fits
            data = data[pipe.write(data) :]

    return write
