"""Runs a playbook through ansible-runner and says, per host, what changed and what failed.

Ansible gets the operator's inventory and vault options, and kijun's own ansible.cfg whatever the working
directory or the operator's ANSIBLE_* settings are. Nothing of a run is kept but its log.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from kijun.enforcing.scratch import private_folder
from kijun.errors import KijunError
from kijun.inventory import Host
from kijun.paths import data_root
from kijun.records.logs import all_secrets, new_log

# What the operator's environment may say to our Ansible: where secrets and hosts are, no more.
_KEPT = re.compile(
    r"ANSIBLE_(VAULT_|INVENTORY_|HOME$|LOCAL_TEMP$|COLLECTIONS_PATH|REMOTE_USER$|REMOTE_PORT$|PRIVATE_KEY_FILE$|SSH_|BECOME_|SUDO_|TRANSPORT$)"
)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class HostPlay:
    """One host's part of a run. `failure` is one sentence, empty where the run went through."""

    changed: list[str] = field(default_factory=list)
    failure: str = ""
    unreachable: bool = False


@dataclass
class Played:
    """A finished run."""

    log: Path
    rc: int = 0
    hosts: dict[str, HostPlay] = field(default_factory=dict)
    error: str = ""  # why Ansible ended before it reached a host
    kept: str = ""  # the name by which hosts keep what they were before, where one changed

    @property
    def ok(self) -> bool:
        """Whether Ansible itself, and every host, went through."""
        return self.rc == 0 and not any(host.failure for host in self.hosts.values())


@dataclass(frozen=True)
class Play:
    """What to run: some topics on some hosts."""

    sources: tuple[str, ...]
    hosts: tuple[str, ...]
    topics: tuple[str, ...]
    check: bool = False
    diff: bool = False
    forks: int = 10
    vault_arguments: tuple[str, ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)  # never to appear in a log or a message
    playbook: str = "site.yml"
    variables: Mapping[str, str] = field(default_factory=dict)


Say = Callable[[str], None]


def vault_arguments(files: Sequence[str]) -> tuple[str, ...]:
    """Return the arguments of ansible-playbook for files of vault passwords, some of them LABEL@FILE."""
    return tuple(
        w for file in files for w in ("--vault-id" if "@" in file else "--vault-password-file", file)
    )


def secrets_of(hosts: Sequence[Host]) -> tuple[str, ...]:
    """Return the passwords by which hosts are reached, and what may be printed of them."""
    links = [host.connection for host in hosts]
    return all_secrets(value for link in links for value in (link.password, link.become_password))


def run(play: Play, say: Say) -> Played:
    """Run `play`; `say` gets one line per change, failure and (with `diff`) difference.

    KijunError where ansible-playbook cannot be started, KeyboardInterrupt where the operator stopped it.
    """
    import ansible_runner  # noqa: PLC0415 - half a second that a run with nothing to do need not pay

    with (
        private_folder() as folder,
        new_log("enforce") as (path, stream),
        _stoppable() as stopped,
    ):
        record = Played(path)
        limit = folder / "hosts"
        limit.write_text("".join(f"{host}\n" for host in play.hosts), encoding="utf-8")
        listener = _Listener(play, record, stream, say)
        result = ansible_runner.run(
            private_data_dir=str(folder),
            project_dir=str(Path.cwd()),  # relative paths mean what they mean to the operator
            playbook=str(data_root() / "playbooks" / play.playbook),
            cmdline=shlex.join(_arguments(play, limit)),
            envvars=_environment(),
            settings={"pexpect_timeout": 1, "suppress_output_file": True},
            fact_cache_type="memory",
            quiet=True,
            event_handler=listener.event,
            status_handler=_clean_environment,
            cancel_callback=stopped.is_set,
        )
        record.rc = int(result.rc)
    if stopped.is_set():
        raise KeyboardInterrupt
    if record.rc == 127:
        raise KijunError(
            "ansible-playbook is not installed beside kijun; `kijun doctor` says how to mend it."
        )
    if record.rc != 0 and not any(host.failure for host in record.hosts.values()):
        record.error = listener.complaint() or f"ansible-playbook ended with status {record.rc}"
    return record


def _arguments(play: Play, limit: Path) -> list[str]:
    arguments = [word for source in play.sources for word in ("-i", source)]
    arguments += ["--limit", f"@{limit}"]
    arguments += ["--tags", ",".join(play.topics)] if play.topics else []
    arguments += ["--forks", str(play.forks)]
    arguments += ["--extra-vars", json.dumps(dict(play.variables))] if play.variables else []
    arguments += ["--check"] if play.check else []
    arguments += ["--diff"] if play.diff else []
    return [*arguments, *play.vault_arguments]


def _environment() -> dict[str, str]:
    return {
        "ANSIBLE_CONFIG": str(data_root() / "ansible.cfg"),
        "ANSIBLE_HOST_KEY_CHECKING": "True",  # ansible-runner switches it off unless told
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",  # Ansible refuses to start in a locale that is not UTF-8
        # The console scripts of our own environment, also where kijun is called by its full path.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        # Nobody is there to answer a question of ssh: an unknown host key is an error, not a prompt.
        "SSH_ASKPASS": "/bin/false",
        "SSH_ASKPASS_REQUIRE": "force",
    }


def _clean_environment(status: Mapping[str, Any], runner_config: Any) -> None:
    """Take out the operator's settings before a run starts, and leave no environment on disk once it runs."""
    if status["status"] == "starting":
        for key, value in os.environ.items():
            if key.startswith("ANSIBLE_") and not _KEPT.match(key) and runner_config.env.get(key) == value:
                del runner_config.env[key]
        runner_config.env.pop("ORIGINAL_STDOUT_CALLBACK", None)  # the operator's, which runner would wrap
        plugins = runner_config.env["ANSIBLE_CALLBACK_PLUGINS"].split(os.pathsep)
        runner_config.env["ANSIBLE_CALLBACK_PLUGINS"] = plugins[-1]
    elif status["status"] == "running":
        Path(runner_config.artifact_dir, "command").unlink(missing_ok=True)


class _Listener:
    """Turns ansible-runner's events into the record, the log and the operator's lines."""

    def __init__(self, play: Play, record: Played, log: TextIO, say: Say) -> None:
        self._play, self._record, self._log, self._say = play, record, log, say
        self._tail: list[str] = []
        self._failures: dict[str, str] = {}
        # Of host and task, the first in a loop to fail.
        self._items: dict[tuple[str, str], Mapping[str, Any]] = {}

    def event(self, event: Mapping[str, Any]) -> bool:
        """Take one event; False, so that ansible-runner writes none of it to disk."""
        data, kind = event.get("event_data") or {}, event.get("event", "")
        text = self._clean(event.get("stdout") or "")
        if text:
            self._log.write(text + "\n")
            self._tail = [*self._tail, *text.splitlines()][-40:]
        host, result = data.get("host"), data.get("res") or {}
        if kind == "runner_on_ok" and result.get("kept") is True:
            self._record.kept = str(result.get("run", ""))
        loop = (host or "", data.get("task_uuid") or "")
        if host and kind == "runner_on_ok" and result.get("changed"):
            self._of(host).changed.append(_task(data))
            self._say(f"  {host}: {'would change' if self._play.check else 'changed'}: {_task(data)}")
        elif host and kind == "runner_item_on_failed":
            self._items.setdefault(loop, result)
        elif host and kind in ("runner_on_failed", "runner_on_unreachable") and not data.get("ignore_errors"):
            self._failures[host] = self._clean(_failure(host, data, self._items.get(loop, result)))
        elif kind == "runner_on_file_diff" and self._play.diff and text:
            self._say(text)
        elif kind == "playbook_on_stats":
            self._finish(data)
        return False

    def complaint(self) -> str:
        """Return Ansible's own error, as one sentence, where it ended before any host."""
        errors = [line for line in self._tail if re.match(r"(\[ERROR\]|ERROR!|fatal:)", line)]
        return re.sub(r"^(\[ERROR\]:?|ERROR!)\s*", "", errors[-1]) if errors else ""

    def _finish(self, data: Mapping[str, Any]) -> None:
        """A rescued failure is no failure: Ansible's own count decides."""
        for host in {*(data.get("failures") or {}), *(data.get("dark") or {})}:
            self._of(host).failure = self._failures.get(host) or f"{host}: the run failed"
            self._of(host).unreachable = host in (data.get("dark") or {})
            self._say(f"  FAILED {self._of(host).failure}")

    def _of(self, host: str) -> HostPlay:
        return self._record.hosts.setdefault(host, HostPlay())

    def _clean(self, text: str) -> str:
        text = _ANSI.sub("", text).replace("\r", "")
        for secret in self._play.secrets:
            text = text.replace(secret, "***") if secret else text
        return text.strip("\n")


def _task(data: Mapping[str, Any]) -> str:
    role, task = data.get("role") or "", data.get("task") or "?"
    return f"{role} : {task}" if role and not task.startswith(f"{role} :") else task


def _failure(host: str, data: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    message = str(result.get("msg") or "")
    if not message or "non-zero return code" in message:  # a command's own words say more
        message = str(result.get("stderr") or result.get("stdout") or message or "no message")
    item = f" ({result['item']})" if isinstance(result.get("item"), str) else ""
    return f"{host}: task '{_task(data)}'{item} failed: {' '.join(message.split())[:600]}"


@contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """Turn Ctrl-C and SIGTERM into an event while Ansible runs, so that what it started is ended first."""
    stopped = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: stopped.set())
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
