#!/usr/bin/python
# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ansible module: wireless networks are hard to break, authenticated, and only the designated are joined."""

# ruff: noqa: E402 - the documentation of an Ansible module comes before its imports
from __future__ import annotations

DOCUMENTATION = r"""
module: kijun_wireless
short_description: Bring wireless networks to AES, protected management frames and allowed authentication
description:
  - Changes the files of hostapd, wpa_supplicant, NetworkManager and iwd, where there are any. Ciphers other
    than AES, WPS and authentication that is not allowed are taken away, protected management frames are
    demanded, and networks that are not designated are no longer joined automatically.
  - Files of passphrases and keys become readable by root only.
  - What only a person can decide is left as it is and returned.
options:
  authentication:
    description: How the two sides may authenticate.
    type: list
    elements: str
    choices: [sae, eap, psk]
    required: true
  passphrase_length:
    description: The fewest characters of a passphrase.
    type: int
    required: true
  networks:
    description: The networks that may be joined automatically.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Predicts exactly what a run changes.
    support: full
  diff_mode:
    description: Shows what changes, and no secret.
    support: full
author:
  - The kijun contributors
"""

EXAMPLES = r"""
- name: Allow WPA3 only
  kijun_wireless:
    authentication: [sae]
    passphrase_length: 20
    networks: [museum-staff]
"""

RETURN = r"""
refused:
  description: What only a person can decide, a sentence each.
  returned: success
  type: list
  elements: str
  sample: ["/etc/hostapd/guest.conf: guest: there is no encryption that can be kept"]
stale:
  description: Units that are older than their configuration, or will be after a run.
  returned: success
  type: list
  elements: str
  sample: [hostapd.service]
kept_running:
  description: Units of those that carry an SSH login, and are not to be restarted under it.
  returned: success
  type: list
  elements: str
  sample: []
"""

import glob
import os
import re
import shlex
import stat
import tempfile
import time
from typing import Any

from ansible.module_utils import kijun_wireless as wireless
from ansible.module_utils.basic import AnsibleModule

ARGUMENT_SPEC: dict[str, Any] = {
    "authentication": {"type": "list", "elements": "str", "choices": ["sae", "eap", "psk"], "required": True},
    "passphrase_length": {"type": "int", "required": True, "no_log": False},
    "networks": {"type": "list", "elements": "str", "default": []},
}
PLACES = {
    "hostapd": ("/etc/hostapd.conf", "/etc/hostapd/*.conf"),
    "supplicant": ("/etc/wpa_supplicant.conf", "/etc/wpa_supplicant/*.conf", "/run/netplan/wpa-*.conf"),
    "manager": ("/etc/NetworkManager/system-connections/*", "/run/NetworkManager/system-connections/*"),
    "iwd": ("/var/lib/iwd/*.open", "/var/lib/iwd/*.psk", "/var/lib/iwd/*.8021x"),
}
LEFT_OVER = (".bak", ".swp", "~")
HELD = re.compile(
    r"^\s*(?:wpa_psk_file|sae_password_file|private_key2?|eap_user_file|radius_server_clients|private-key"
    r"|phase2-private-key|EAP-TLS-ClientKey|EAP-TLS-ClientKeyBundle)\s*=\s*\"?(?:file://)?(/[^\"\n]*?)\"?\s*$",
    re.MULTILINE,
)


class Process:
    """A running hostapd or wpa_supplicant: its unit, its files, and since when it runs."""

    def __init__(self, folder: str, kind: str, now: float) -> None:
        with open(f"{folder}/cmdline", "rb") as handle:
            words = handle.read().decode("utf-8", "replace").split("\0")[1:-1]
        with open(f"{folder}/cgroup", encoding="utf-8") as handle:
            self.unit = handle.read().strip().rpartition("/")[2]
        with open(f"{folder}/stat", encoding="utf-8", errors="replace") as handle:
            ticks = int(handle.read().rpartition(") ")[2].split()[19])
        with open("/proc/uptime", encoding="utf-8") as handle:
            self.since = now - float(handle.read().split()[0]) + ticks / os.sysconf("SC_CLK_TCK")
        self.kind = kind
        home = os.readlink(f"{folder}/cwd")
        self.files = [os.path.join(home, name) for name in given(kind, words)]


def given(kind: str, words: list[str]) -> list[str]:
    """Return the configuration files among a program's arguments (hostapd(8), wpa_supplicant(8))."""
    found, rest = [], list(words)
    while rest:
        word = rest.pop(0)
        if kind == "hostapd":
            if re.match(r"^-[a-zA-Z]*[befiPugG]$", word):
                rest = rest[1:]
            elif not word.startswith("-"):
                found.append(word)
            continue
        match = re.match(r"^-[a-zA-Z]*[cI](/.*)$", word) or re.match(r"^-[cI](.+)$", word)
        if match:
            found.append(match.group(1))
        elif re.match(r"^-[a-zA-Z]*[cI]$", word) and rest:
            found.append(rest.pop(0))
    return found


def processes() -> list[Process]:
    """Return the hostapd and wpa_supplicant that run now; one that ends meanwhile is left out."""
    found, now = [], time.time()
    for folder in glob.glob("/proc/[0-9]*"):
        try:
            with open(f"{folder}/comm", encoding="utf-8") as handle:
                name = handle.read().strip()
            if name in ("hostapd", "wpa_supplicant"):
                found.append(Process(folder, "hostapd" if name == "hostapd" else "supplicant", now))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def files(running: list[Process]) -> list[tuple[str, str]]:
    """Return every configuration file, with its kind."""
    found: dict[str, str] = {}
    for kind, patterns in PLACES.items():
        for path in (path for pattern in patterns for path in sorted(glob.glob(pattern))):
            found.setdefault(path, kind)
    if os.path.exists("/etc/default/hostapd"):
        with open("/etc/default/hostapd", encoding="utf-8") as handle:
            for line in handle:
                if line.startswith("DAEMON_CONF="):
                    for path in shlex.split(line.partition("=")[2]):
                        found.setdefault(path, "hostapd")
    for path in glob.glob("/etc/network/interfaces") + glob.glob("/etc/network/interfaces.d/*"):
        with open(path, encoding="utf-8") as handle:
            for name in re.findall(r"^\s*wpa-(?:conf|roam)\s+(\S+)", handle.read(), re.MULTILINE):
                found.setdefault(name, "supplicant")
    for process in running:
        for path in process.files:
            found.setdefault(path, process.kind)
    real = [(path, kind) for path, kind in found.items() if os.path.isfile(path)]
    return [(p, k) for p, k in real if not p.endswith(LEFT_OVER) and ".dpkg-" not in p]


class Change:
    """What is changed, over all files."""

    def __init__(self, module: Any, rules: wireless.Rules) -> None:
        self.module = module
        self.rules = rules
        self.written: set[str] = set()
        self.diffs: list[dict[str, str]] = []

    def bring(self, path: str, kind: str) -> None:
        """Bring one file to the standard."""
        with open(path, encoding="utf-8", errors="surrogateescape") as handle:
            before = handle.read()
        after = getattr(wireless, kind)(before, path, self.rules)
        if after != before:
            self.write(path, after)
            headers = {"before_header": path, "after_header": path}
            self.diffs.append({**headers, "before": wireless.shown(before), "after": wireless.shown(after)})
        if is_wireless(kind, after):
            self.protect(path)
            for held in HELD.findall(after):
                if os.path.isfile(held):
                    self.protect(held)

    def write(self, path: str, text: str) -> None:
        """Put `text` in place of a file, whole or not at all; nobody but root sees it meanwhile."""
        self.written.add(path)
        if self.module.check_mode:
            return
        path = os.path.realpath(path)
        handle, temporary = tempfile.mkstemp(prefix=".kijun-", dir=os.path.dirname(path))
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as out:
            out.write(text)
        self.module.atomic_move(temporary, path)

    def protect(self, path: str) -> None:
        """Let only root read and write a file."""
        now = os.stat(path)
        if (stat.S_IMODE(now.st_mode) & 0o077) == 0 and now.st_uid == 0:
            return
        self.diffs.append(
            {
                "before_header": path,
                "after_header": path,
                "before": f"mode {stat.S_IMODE(now.st_mode):04o}, user {now.st_uid}\n",
                "after": "mode 0600, user 0\n",
            }
        )
        if not self.module.check_mode:
            os.chown(path, 0, 0)
            os.chmod(path, 0o600)


def is_wireless(kind: str, text: str) -> bool:
    """Whether a file holds a wireless network, and so perhaps its passphrase."""
    if kind == "manager":
        return bool(re.search(r"^\s*\[(wifi|802-11-wireless)\]", text, re.MULTILINE))
    return kind != "supplicant" or "network={" in text


def stale_units(running: list[Process], written: set[str]) -> list[Process]:
    """Return the processes that are older than a file of theirs, or will be after this run."""
    found = []
    for process in running:
        if not re.match(r"^(hostapd|wpa_supplicant)(@.+)?\.service$", process.unit):
            continue
        newest = max([os.stat(path).st_mtime for path in process.files if os.path.exists(path)] or [0.0])
        if written & set(process.files) or newest > process.since + 2:
            found.append(process)
    return found


def carries_login(module: Any, process: Process) -> bool:
    """Whether an SSH login comes in over an interface of this process."""
    names = set(re.findall(r"@(.+)\.service$", process.unit))
    for path in process.files:
        if process.kind == "hostapd" and os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as handle:
                names |= set(re.findall(r"^(?:interface|bss|bridge)=(\S+)$", handle.read(), re.MULTILINE))
    _, sockets, _ = module.run_command(["ss", "-Htn", "state", "established", "sport", "=", ":22"])
    logins = {
        line.split()[2].rpartition(":")[0].strip("[]").partition("%")[0] for line in sockets.splitlines()
    }
    _, addresses, _ = module.run_command(["ip", "-o", "addr", "show"])
    own = {line.split()[3].partition("/")[0]: line.split()[1] for line in addresses.splitlines()}
    return any(own.get(login.replace("::ffff:", "")) in names for login in logins)


def reload_profiles(module: Any, kinds: set[str]) -> None:
    """Let a running NetworkManager read its profiles again, which touches no connection that is up."""
    if "manager" in kinds and not module.check_mode and os.path.exists("/usr/bin/nmcli"):
        rc, _, error = module.run_command(["nmcli", "connection", "reload"])
        if rc not in (0, 8):  # 8: it does not run (nmcli(1))
            module.fail_json(msg=f"nmcli connection reload: {error.strip()}")


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.run_command_environ_update = {"LC_ALL": "C"}
    given_ = module.params
    rules = wireless.Rules(given_["authentication"], given_["passphrase_length"], given_["networks"])
    change = Change(module, rules)
    try:
        running = processes()
        found = files(running)
        for path, kind in found:
            change.bring(path, kind)
        reload_profiles(module, {kind for _, kind in found})
        stale = stale_units(running, change.written)
        kept = sorted({process.unit for process in stale if carries_login(module, process)})
    except (OSError, UnicodeError) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(
        changed=bool(change.diffs),
        refused=rules.refused,
        stale=sorted({process.unit for process in stale} - set(kept)),
        kept_running=kept,
        diff=change.diffs,
    )


if __name__ == "__main__":
    main()
