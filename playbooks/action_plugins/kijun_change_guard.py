"""What only the control node knows of a run: its name, who else runs, and what the chosen roles may touch."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path
from typing import Any

from ansible import constants as C  # noqa: N812
from ansible.plugins.action import ActionBase

_PROGRAM = Path(__file__).resolve().parents[2] / "roles" / "change_guard" / "files"
_MARK = "ansible-playbook"


class ActionModule(ActionBase):
    """`kijun_change_guard:` with what it needs of the control node; a run of no guarded topic is skipped."""

    TRANSFERS_FILES = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Add name, processes, touches and program to the arguments, and run the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables, own = task_vars or {}, os.getppid()  # a task runs in a child of ansible-playbook
        arguments = {"run": _name(own), **self._task.args}
        arguments.update(
            controller=_token(own),
            local=self._connection.transport == "local",
            others=[_token(pid) for pid in _playbooks() if pid != own],
        )
        if arguments.get("state") == "armed":
            topics = _chosen(arguments.get("topics") or [], variables)
            touches: dict[str, Any] = {}
            for topic in topics:
                _add(touches, self._templar.template(variables.get(f"__{topic}_touches") or {}))
            if not touches and not arguments.get("source"):
                return {**result, "skipped": True, "changed": False, "armed": False}
            program = {
                str(path.relative_to(_PROGRAM)): path.read_text(encoding="utf-8")
                for path in sorted(_PROGRAM.rglob("*.py"))
            }
            arguments.update(topics=topics, touches=touches, program=program)
        result.update(self._execute_module("kijun_change_guard", module_args=arguments, task_vars=task_vars))
        return result


def _add(touches: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if key == "reload":
            touches.setdefault("reload", {}).update(value)
        elif key != "leaves":
            touches[key] = [*touches.get(key, []), *value]


def _chosen(topics: list[str], variables: dict[str, Any]) -> list[str]:
    """Return the topics that --tags and --skip-tags leave; all where that cannot be told from the tags."""
    asked, skipped = variables.get("ansible_run_tags") or [], variables.get("ansible_skip_tags") or []
    named = [topic for topic in topics if topic in asked]
    if {"all", "tagged"} & set(asked):
        named = list(topics)
    return [topic for topic in named if topic not in skipped]


def _playbooks() -> list[int]:
    """Return the processes of this machine that run a playbook; none where there is no /proc."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:  # it has ended meanwhile
            continue
        if any(Path(word).name == _MARK for word in words[:3]):
            found.append(int(folder.name))
    return found


def _started(pid: int) -> str:
    """Return what tells a process from a later one with its number; nothing where there is no /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _name(own: int) -> str:
    """Return the name of this run, the same for all its hosts: the first task to need one gives it.

    It stands in the folder that Ansible makes for each run and removes at its end.
    """
    kept = Path(C.DEFAULT_LOCAL_TMP) / "kijun-run"
    beside = kept.with_name(f"kijun-run-{os.getpid()}")
    beside.write_text(f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{own}", encoding="utf-8")
    with contextlib.suppress(FileExistsError):  # another host's task was first
        os.link(beside, kept)
    beside.unlink()
    return kept.read_text(encoding="utf-8")


def _token(pid: int) -> str:
    return f"{socket.gethostname()} {pid} {_started(pid)}"
