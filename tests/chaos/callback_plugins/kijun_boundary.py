"""Stops a run of Ansible at a chosen boundary between two tasks, so that a test can do something there.

KIJUN_CHAOS_FOLDER: where this says what it has seen; KIJUN_CHAOS_AT: the number of the task before which to
act (none: only count); KIJUN_CHAOS_DO: kill, to die by SIGKILL, or wait, until there is a file `go`.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: kijun_boundary
type: aggregate
short_description: Act at a boundary between two tasks
description: For tests only.
"""


class CallbackModule(CallbackBase):
    """Counts tasks as they start."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "kijun_boundary"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(os.environ["KIJUN_CHAOS_FOLDER"])
        self.at = int(os.environ.get("KIJUN_CHAOS_AT", "0"))
        self.count = 0

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002
        """Take one boundary."""
        self.count += 1
        with (self.folder / "tasks").open("a", encoding="utf-8") as file:
            file.write(f"{self.count} {task.get_name()}\n")
        if self.count != self.at:
            return
        if os.environ["KIJUN_CHAOS_DO"] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        (self.folder / "reached").touch()
        while not (self.folder / "go").exists():
            time.sleep(0.1)

    v2_playbook_on_handler_task_start = v2_playbook_on_task_start
