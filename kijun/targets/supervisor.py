"""The process that keeps one target: prepares it, boots it, boots it again on a reboot, shuts it down.

`main` is run by `kijun.targets.lifecycle` with a `Plan` on its standard input. It waits for the whole
plan, so that it has been put into the target's control group before it makes anything; if the command
that started it dies first, it ends having done nothing.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

from kijun.targets import nspawn, qemu
from kijun.targets.cgroups import Group
from kijun.targets.plans import CONSOLE_LOG, Plan
from kijun.targets.tools import search_path

KEEPER, MACHINE = "keeper", "machine"  # the two groups below a target's own
GRACE = 12  # seconds for a clean shutdown


class Supervisor:
    """Keeps the target of one plan until it powers off or `SIGTERM` asks for its shutdown."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.machine = Group(f"{plan.cgroup}/{MACHINE}")
        self.child: subprocess.Popen[bytes] | None = None
        self.stopping = False

    def keep(self) -> None:
        """Boot the target, and again for as long as it ends by rebooting."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGALRM, self._lose_patience)
        if self.plan.backend == "nspawn":
            nspawn.prepare(self.plan)
        else:
            qemu.prepare(self.plan)
        while not self.stopping and self._boot_and_wait():
            self.machine.remove()  # the groups that a container's systemd had made

    def _boot_and_wait(self) -> bool:
        """Boot the target, wait for its end, and tell whether that was a reboot."""
        self.machine.make()
        virtual = self.plan.backend == "qemu"
        log = Path(self.plan.folder) / (qemu.MONITOR_LOG if virtual else CONSOLE_LOG)
        with log.open("ab") as output:
            self.child = subprocess.Popen(
                self.plan.argv,
                stdin=subprocess.PIPE if virtual else subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.plan.folder,
                env={**os.environ, "PATH": search_path(), "LC_ALL": "C", "SYSTEMD_NSPAWN_LOCK": "0"},
                start_new_session=True,
                preexec_fn=self._enter,  # noqa: PLW1509 - this process has one thread
            )
        if virtual:
            self._tell("qmp_capabilities")  # QEMU reports no event before this
        if self.stopping:
            self._ask()
        status = self.child.wait()
        return qemu.rebooted(log.parent) if virtual else status == nspawn.REBOOT_STATUS

    def _enter(self) -> None:
        self.machine.add(os.getpid())

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        if not self.stopping:
            self.stopping = True
            signal.alarm(GRACE)
            self._ask()

    def _lose_patience(self, _signal: int, _frame: FrameType | None) -> None:
        self.machine.kill()

    def _ask(self) -> None:
        """Ask the machine to power itself off: nspawn passes SIGTERM on, QEMU presses the power button."""
        if self.child is None or self.child.poll() is not None:
            return
        if self.plan.backend == "qemu":
            self._tell("system_powerdown")
        else:
            self.child.terminate()

    def _tell(self, command: str) -> None:
        """Write one command to QEMU's monitor (QMP); one that has just ended needs telling no more."""
        if self.child is None or self.child.stdin is None:
            return
        with suppress(BrokenPipeError):
            self.child.stdin.write(json.dumps({"execute": command}).encode() + b"\n")
            self.child.stdin.flush()


def main() -> None:
    """Read the plan, leave the starting command's process tree, and keep the target."""
    try:
        plan = Plan.loads(sys.stdin.read())
    except ValueError:
        sys.exit("the command that started this supervisor ended before it had said what to keep")
    if os.fork():
        os._exit(0)  # the starter waits for this one; its child now belongs to init
    Supervisor(plan).keep()
