# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Changing Postfix's configuration in a copy, by its own postconf, and putting it in place as a whole."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.kijun_mail import RefusedError

POSTCONF = "/usr/sbin/postconf"
FILES = ("main.cf", "master.cf")
LOOPBACK = ("loopback-only", "localhost", "localhost.localdomain", "::1")
RESTARTING = 2  # seconds by which an age from /proc may be rounded


class PostfixError(Exception):
    """Postfix's own programs refuse; the text is what they said."""


def words(value: str) -> list[str]:
    """Return the items of a list setting (postconf(5))."""
    return [word for word in value.replace(",", " ").split() if word]


class Service:
    """A service of master.cf: name, type, program, and where it listens."""

    def __init__(self, name: str, kind: str, command: str) -> None:
        self.name, self.kind, self.command = name, kind, command

    def local_only(self, inet_interfaces: str) -> bool:
        """Whether only the host itself can reach it."""
        if self.kind == "unix":
            return True
        host = self.name.rpartition(":")[0].strip("[]")
        hosts = [host] if host else words(inet_interfaces)
        return self.kind == "inet" and all(h in LOOPBACK or h.startswith("127.") for h in hosts)


class Configuration:
    """A copy of an instance's configuration, to be changed and then put in place."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.directory = self._run("-h", "config_directory").strip()
        self.copy = tempfile.mkdtemp(dir=module.tmpdir)
        self.before = {}
        for name in FILES:
            shutil.copy2(os.path.join(self.directory, name), self.copy)
            self.before[name] = self._read(name)

    def _read(self, name: str) -> str:
        with open(os.path.join(self.copy, name), encoding="utf-8", errors="surrogateescape") as file:
            return file.read()

    def _run(self, *arguments: str) -> str:
        rc, out, err = self.module.run_command([POSTCONF, *arguments])
        if rc != 0:
            raise PostfixError((err or out).strip())
        return str(out)

    def ask(self, *arguments: str) -> str:
        """Return what postconf says of the copy."""
        return self._run("-c", self.copy, *arguments)

    def get(self, name: str) -> str:
        """Return the effective value of a setting of main.cf."""
        return self.ask("-hx", name).strip()

    def set(self, name: str, value: str) -> None:
        """Give a setting a value in main.cf, where it does not have it already."""
        if self.ask("-h", name).strip() != value:
            self.ask("-e", f"{name} = {value}")

    def services(self, *commands: str) -> list[Service]:
        """Return the services of these programs."""
        fields = [line.split() for line in self.ask("-M").splitlines()]
        found = [Service(f[0], f[1], os.path.basename(f[7])) for f in fields if len(f) > 7]
        return [service for service in found if service.command in commands]

    def overrides(self) -> dict[tuple[str, str], dict[str, str]]:
        """Return the `-o` settings of every service, by its name and type."""
        found: dict[tuple[str, str], dict[str, str]] = {}
        for line in self.ask("-Px").splitlines():
            key, equals, value = line.partition(" =")
            parts = key.strip().rsplit("/", 2)
            if equals and len(parts) == 3:
                found.setdefault((parts[0], parts[1]), {})[parts[2]] = value.strip()
        return found

    def drop(self, service: Service, setting: str) -> None:
        """Take a `-o` setting away from a service."""
        self.ask("-PX", f"{service.name}/{service.kind}/{setting}")

    def put_in_place(self) -> dict[str, str]:
        """Write what changed, unless in check mode; return the difference, by lines.

        Raises PostfixError where Postfix complains of the copy.
        """
        for arguments in (("-n",), ("-M",)):
            rc, _, err = self.module.run_command([POSTCONF, "-c", self.copy, *arguments])
            if rc != 0 or "fatal:" in err:
                raise PostfixError(err.strip())
        before, after = [], []
        for name in FILES:
            new = self._read(name)
            if new != self.before[name]:
                old_lines, new_lines = self.before[name].splitlines(), new.splitlines()
                before += [f"{name}: {line}" for line in old_lines if line not in new_lines]
                after += [f"{name}: {line}" for line in new_lines if line not in old_lines]
                if not self.module.check_mode:
                    self.module.atomic_move(os.path.join(self.copy, name), os.path.join(self.directory, name))
        return {"before": "".join(f"{x}\n" for x in before), "after": "".join(f"{x}\n" for x in after)}


def ages(names: tuple[str, ...]) -> dict[str, list[float]]:
    """Return the ages in seconds of the running processes of these names (proc(5), field 22 of stat)."""
    found: dict[str, list[float]] = {}
    with open("/proc/uptime", encoding="ascii") as file:
        uptime = float(file.read().split()[0])
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                text = file.read()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        name = text[text.index("(") + 1 : text.rindex(")")]
        if name in names:
            ticks = float(text[text.rindex(")") + 2 :].split()[19])
            found.setdefault(name, []).append(uptime - ticks / os.sysconf("SC_CLK_TCK"))
    return found


def stale(directory: str, now: float) -> bool:
    """Say whether Postfix runs with an older configuration than the one on disk.

    qmgr is started anew at each reload, smtpd and postscreen read main.cf when they start.
    """
    running = ages(("master", "qmgr", "smtpd", "postscreen", "qmqpd", "cleanup"))
    if "master" not in running:
        return False
    main, master = (os.stat(os.path.join(directory, name)).st_mtime for name in FILES)
    loaded = now - min(running["master"] + running.get("qmgr", []))
    readers = [age for name in ("smtpd", "postscreen", "qmqpd", "cleanup") for age in running.get(name, [])]
    return master > loaded + RESTARTING or any(main > now - age + RESTARTING for age in readers)


def run(argument_spec: dict[str, Any], change: Callable[[Configuration, Any], None]) -> None:
    """Be a module that changes Postfix's configuration: copy, `change(copy, module)`, put in place, and end.

    Returned are `changed`, `diff`, and `stale`: whether the running Postfix is older than its configuration,
    or will be after a run. What `change` (RefusedError) or Postfix (PostfixError) refuses fails the module.
    """
    module = AnsibleModule(argument_spec=argument_spec, supports_check_mode=True)
    module.run_command_environ_update = {"LC_ALL": "C"}
    try:
        conf = Configuration(module)
        change(conf, module)
        diff = conf.put_in_place()
        changed = bool(diff["before"] or diff["after"])
        is_stale = changed or stale(conf.directory, time.time())
    except (PostfixError, RefusedError, OSError) as problem:
        module.fail_json(msg=str(problem))
    headers = {"before_header": conf.directory, "after_header": conf.directory}
    module.exit_json(changed=changed, stale=is_stale, diff={**headers, **diff})
