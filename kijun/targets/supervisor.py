"""The process that keeps one target: prepares it, boots it, boots it again on a reboot, shuts it down.

Run as `python -m kijun.targets.supervisor` with a `Plan` on its standard input. It waits for the whole
plan, so that it has been put into the target's control group before it makes anything; if the command
that started it dies first, it ends having done nothing.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from types import FrameType

from kijun.targets import nspawn, qemu
from kijun.targets.cgroups import Group
from kijun.targets.plans import Plan
from kijun.targets.tools import search_path

KEEPER, MACHINE = "keeper", "machine"  # the two groups below a target's own
GRACE = 12.0  # seconds for a clean shutdown
_QMP_POWERDOWN = [{"execute": "qmp_capabilities"}, {"execute": "system_powerdown"}]


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
        if self.plan.backend == "nspawn":
            nspawn.prepare(self.plan)
        else:
            qemu.prepare(self.plan)
        while not self.stopping:
            status = self._boot_and_wait()
            if self.plan.backend != "nspawn" or status != nspawn.REBOOT_STATUS:
                break
            self.machine.remove()  # the groups that the container's systemd had made

    def _boot_and_wait(self) -> int:
        self.machine.make()
        with self.plan.console.open("ab") as console:
            self.child = subprocess.Popen(
                self.plan.argv,
                stdin=subprocess.PIPE if self.plan.backend == "qemu" else subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                cwd=self.plan.folder,
                env={**os.environ, "PATH": search_path(), "LC_ALL": "C", "SYSTEMD_NSPAWN_LOCK": "0"},
                start_new_session=True,
                preexec_fn=self._enter,  # noqa: PLW1509 - this process has one thread
            )
        if self.stopping:
            self._ask()
        while True:
            try:
                return self.child.wait(timeout=1 if self.stopping else None)
            except subprocess.TimeoutExpired:
                if time.monotonic() > self._deadline:
                    self.machine.kill()

    def _enter(self) -> None:
        self.machine.add(os.getpid())

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        if not self.stopping:
            self.stopping = True
            self._deadline = time.monotonic() + GRACE
            self._ask()

    def _ask(self) -> None:
        """Ask the machine to power itself off: nspawn passes SIGTERM on, QEMU presses the power button."""
        child = self.child
        if child is None or child.poll() is not None:
            return
        if child.stdin is None:
            child.terminate()
            return
        try:
            for command in _QMP_POWERDOWN:
                child.stdin.write(json.dumps(command).encode() + b"\n")
            child.stdin.flush()
        except BrokenPipeError:
            child.kill()


def main() -> None:
    """Read the plan, leave the starting command's process tree, and keep the target."""
    try:
        plan = Plan.loads(sys.stdin.read())
    except ValueError:
        sys.exit("the command that started this supervisor ended before it had said what to keep")
    if os.fork():
        os._exit(0)  # the starter waits for this one; its child now belongs to init
    Supervisor(plan).keep()


if __name__ == "__main__":
    main()
