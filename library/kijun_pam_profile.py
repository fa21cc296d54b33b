#!/usr/bin/python
# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ansible module: PAM profiles through pam-auth-update, staged, verified, then swapped in atomically."""

# ruff: noqa: E402 - the documentation of an Ansible module comes before its imports
from __future__ import annotations

DOCUMENTATION = r"""
module: kijun_pam_profile
short_description: Keep PAM profiles of pam-auth-update as they should be, without ever breaking a login
description:
  - Writes profiles to C(/usr/share/pam-configs) and enables or disables them, all in one transaction.
  - Runs C(pam-auth-update) on a private copy, never on the host's own files. The result is walked as
    libpam would walk it, and takes the place of the old files by atomic renames only if every service
    that lets a right password through today still does.
  - Refuses stacks that were edited by hand (lines inside or outside the block, jump numbers, lost magic
    comments) before anything is written. C(pam-auth-update) itself would print a notice and exit 0.
  - Changed options in lines of other profiles are kept, as C(pam-auth-update) does. Changed options in
    lines of O(profiles) are put back, because arguments in a PAM line win over configuration files.
  - A run that is killed between two renames is completed by the next one.
options:
  profiles:
    description: The profiles to keep, in no particular order (C(Priority) in their text orders them).
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: File name in C(/usr/share/pam-configs), which is also the name for C(pam-auth-update).
        type: str
        required: true
      content:
        description: Text of the profile. Needed with O(profiles[].state=enabled) unless a package ships it.
        type: str
      state:
        description:
          - V(enabled) and V(disabled) say whether the profile is part of the stacks.
          - V(absent) also removes its file.
        type: str
        choices: [enabled, disabled, absent]
        default: enabled
  exclusive_modules:
    description: >-
      Modules (such as V(pam_faillock.so)) that no other profile may bring into the stacks. Every other
      profile with a line that calls one of them is disabled.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Predicts the exact files of a run, from the same private copy.
    support: full
  diff_mode:
    description: Shows each profile and each C(/etc/pam.d/common-*) file that changes.
    support: full
author:
  - The kijun contributors
"""

EXAMPLES = r"""
- name: Count wrong passwords
  kijun_pam_profile:
    profiles:
      - name: kijun-faillock
        content: "{{ lookup('ansible.builtin.file', 'kijun-faillock') }}"
    exclusive_modules:
      - pam_faillock.so

- name: Take a profile out of the stacks and remove it
  kijun_pam_profile:
    profiles:
      - name: kijun-faillock
        state: absent
"""

RETURN = r"""
enabled:
  description: Profiles that are part of the stacks after the run, in the order of the stacks.
  returned: success
  type: list
  elements: str
  sample: [kijun-faillock, unix, systemd]
files:
  description: Paths that changed, or would change.
  returned: success
  type: list
  elements: str
  sample: [/etc/pam.d/common-auth]
kept_options:
  description: Lines of other profiles whose options were changed by hand; they are kept.
  returned: success
  type: list
  elements: str
  sample: ["/etc/pam.d/common-password: [success=1 default=ignore] pam_unix.so obscure yescrypt minlen=10"]
"""

import fcntl
import glob
import os
import re
import shutil
import tempfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.kijun_pam import (
    TYPES,
    SavedLine,
    hand_edits,
    newly_refusing,
    parse_saved,
    profile_modules,
    without_option_edits,
)
from ansible.module_utils.kijun_pam_files import Files, Refusal

ROOT = ""  # the host's own files; tests put a folder here
ARGUMENT_SPEC: dict[str, Any] = {
    "profiles": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "content": {"type": "str"},
            "state": {"type": "str", "choices": ["enabled", "disabled", "absent"], "default": "enabled"},
        },
    },
    "exclusive_modules": {"type": "list", "elements": "str", "default": []},
}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
PROFILES = "/usr/share/pam-configs/"
ETC = "/etc/pam.d/common-"
SAVED = "/var/lib/pam/"
SEEN = SAVED + "seen"
TOOL = "/usr/sbin/pam-auth-update"
TEMPLATES = "/var/lib/dpkg/info/libpam-runtime.templates"
MODULE_DIRS = ("/lib/*/security/", "/lib/security/", "/usr/lib/*/security/", "/usr/lib/security/")
DEBCONF = """\
Config: config
Templates: templates

Name: config
Driver: File
Mode: 600
Filename: {root}/debconf-config.dat

Name: templates
Driver: File
Mode: 600
Filename: {root}/debconf-templates.dat
"""
MEND = (
    "Nothing was changed. Put what was edited by hand into a profile of its own in /usr/share/pam-configs, "
    "then run 'pam-auth-update --force' in a root session that you keep open, and try again"
)


def wanted_files(before: dict[str, bytes], profiles: list[dict[str, Any]]) -> dict[str, bytes | None]:
    """Return the profile files as they should be (None: absent)."""
    wanted: dict[str, bytes | None] = {}
    for profile in profiles:
        path = PROFILES + profile["name"]
        if profile["state"] == "absent":
            wanted[path] = None
        elif profile["content"] is not None:
            wanted[path] = (profile["content"].rstrip("\n") + "\n").encode()
        elif profile["state"] == "enabled" and path not in before:
            raise Refusal(f"profile {profile['name']} is to be enabled, but {path} does not exist")
    return wanted


def to_disable(files: dict[str, bytes], profiles: list[dict[str, Any]], exclusive: list[str]) -> list[str]:
    """Return the profiles that must not be part of the stacks."""
    ours = {p["name"] for p in profiles}
    names = {p["name"] for p in profiles if p["state"] != "enabled"}
    for path, content in files.items():
        name = path[len(PROFILES) :]
        called = profile_modules(content.decode("utf-8", "replace")) if path.startswith(PROFILES) else set()
        if name not in ours and called & set(exclusive):
            names.add(name)
    return sorted(names)


def refuse_hand_edits(files: dict[str, bytes]) -> list[SavedLine]:
    """Refuse where a common-* file is not what pam-auth-update wrote; return lines with changed options."""
    refused, options = [], []
    for kind in TYPES:
        for path in (ETC + kind, SAVED + kind):
            if path not in files:
                raise Refusal(
                    f"{path} does not exist, so pam-auth-update does not manage this host's PAM. {MEND}"
                )
        texts = [files[path].decode("utf-8", "replace") for path in (ETC + kind, SAVED + kind)]
        edits = hand_edits(ETC + kind, texts[0], texts[1], kind)
        refused += edits.refused
        options += edits.options
    if refused:
        raise Refusal(f"PAM was edited by hand: {'; '.join(refused)}. {MEND}")
    return options


def stage(module: AnsibleModule, before: dict[str, bytes], disable: list[str]) -> dict[str, bytes]:
    """Run pam-auth-update on a private copy of `before` and return the files as they are then."""
    enable = [p["name"] for p in module.params["profiles"] if p["state"] == "enabled"]
    root = tempfile.mkdtemp(prefix="kijun-pam-", dir=module.tmpdir)
    try:
        for folder in (PROFILES, ETC.rpartition("/")[0], SAVED):
            os.makedirs(root + folder, exist_ok=True)
        for path, content in before.items():
            if path.startswith((PROFILES, ETC, SAVED)):
                with open(root + path, "wb") as handle:
                    handle.write(content)
        with open(root + "/debconf.conf", "w") as handle:
            handle.write(DEBCONF.format(root=root))
        command = [TOOL, "--root", root, "--package"]
        command += ["--enable", *enable] if enable else []
        command += ["--disable", *disable] if disable else []
        env = {"DEBCONF_SYSTEMRC": root + "/debconf.conf", "DEBIAN_FRONTEND": "noninteractive"}
        code, out, err = module.run_command(command, environ_update=env)
        if code != 0:
            raise Refusal(f"pam-auth-update failed on a private copy (exit {code}): {(err or out).strip()}")
        return Files(root).read(relevant_paths(root))
    finally:
        shutil.rmtree(root, ignore_errors=True)


def relevant_paths(root: str) -> list[str]:
    """Return the files that make up the state: profiles, common-* files, what is saved of them."""
    profiles = sorted(glob.glob(glob.escape(root) + PROFILES + "*"))
    found = [path[len(root) :] for path in profiles if not re.search(r"~$|/#.*#$", path)]
    return found + [ETC + kind for kind in TYPES] + [SAVED + kind for kind in TYPES] + [SEEN]


def enabled_profiles(files: dict[str, bytes]) -> list[str]:
    """Return the profiles whose lines are in the stacks."""
    names: list[str] = []
    for kind in TYPES:
        for line in parse_saved(files[SAVED + kind].decode("utf-8", "replace")):
            if line.profile != "null" and line.profile not in names:
                names.append(line.profile)
    return names


def missing_modules(files: dict[str, bytes], names: list[str]) -> set[str]:
    """Return the PAM modules of these profiles that are not installed."""
    called: set[str] = set()
    for name in names:
        called |= profile_modules(files.get(PROFILES + name, b"").decode("utf-8", "replace"))
    return {m for m in called if not any(glob.glob(folder + m) for folder in MODULE_DIRS)}


def verify(
    before: dict[str, bytes], after: dict[str, bytes], params: dict[str, Any], missing: set[str]
) -> None:
    """Refuse a result that is not what was asked for, or that would refuse a right password."""
    enabled = enabled_profiles(after)
    for profile in params["profiles"]:
        if (profile["name"] in enabled) != (profile["state"] == "enabled"):
            raise Refusal(f"pam-auth-update did not leave profile {profile['name']} {profile['state']}")
    refuse_hand_edits(after)
    paths = [
        p[len(ROOT) :] for folder in ("/etc/pam.d/*", "/usr/lib/pam.d/*") for p in glob.glob(ROOT + folder)
    ]
    services = Files(ROOT).read(sorted(paths))
    old, new = ({p: c for p, c in state.items() if p.startswith(ETC)} for state in (before, after))
    worse = newly_refusing({**services, **old}, {**services, **new}, missing)
    if worse:
        raise Refusal(f"nothing was changed: a right password would be refused by {', '.join(worse)}")


def plan(module: AnsibleModule, before: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files as they are to be, verified; `before` is without hand edits."""
    params = module.params
    ours = {p["name"] for p in params["profiles"]}
    wanted = wanted_files(before, params["profiles"])
    planned = {**before, **{path: text for path, text in wanted.items() if text is not None}}
    for kind in TYPES:
        live = planned[ETC + kind].decode("utf-8", "surrogateescape")
        saved = planned[SAVED + kind].decode("utf-8", "replace")
        planned[ETC + kind] = without_option_edits(live, saved, kind, ours).encode("utf-8", "surrogateescape")
    after = stage(module, planned, to_disable(planned, params["profiles"], params["exclusive_modules"]))
    after = {path: content for path, content in after.items() if wanted.get(path, b"") is not None}
    missing = missing_modules(after, [p["name"] for p in params["profiles"] if p["state"] == "enabled"])
    if missing and module.check_mode:
        module.warn(f"not installed yet: {', '.join(sorted(missing))}; a run needs it by then")
        missing = set()
    verify(before, after, params, missing)
    return after


def run(module: AnsibleModule) -> dict[str, Any]:
    """Plan, verify, and (outside check mode) swap in; return the module's result."""
    for name in (p["name"] for p in module.params["profiles"]):
        if not NAME.fullmatch(name):
            raise Refusal(f"'{name}' is not a name for a profile")
    for path in (TOOL, TEMPLATES):
        if not os.path.exists(path):
            raise Refusal(f"{path} does not exist: this host has no pam-auth-update (package libpam-runtime)")
    files = Files(ROOT)
    found = files.read(relevant_paths(ROOT))
    before = {**found, **files.pending(found)}  # what a killed run left over is part of the plan
    options = refuse_hand_edits(before)
    after = plan(module, before)
    changes: dict[str, bytes | None] = {path: new for path, new in after.items() if found.get(path) != new}
    changes.update({path: None for path in found if path not in after})
    if not module.check_mode:
        swap(files, changes, found, after)
    ours = {p["name"] for p in module.params["profiles"]}
    return {
        "changed": bool(changes),
        "enabled": enabled_profiles(after),
        "files": sorted(changes),
        "kept_options": [line.text for line in options if line.profile not in ours],
        "diff": [difference(path, found, changes) for path in sorted(changes) if not path.startswith(SAVED)],
    }


def swap(
    files: Files, changes: dict[str, bytes | None], found: dict[str, bytes], after: dict[str, bytes]
) -> None:
    """Put the changes in place and read them back; where that fails, put the former files back."""
    if changes:
        files.swap(changes, found)
        now = files.read(relevant_paths(ROOT))
        if now != after:
            files.swap({path: found.get(path) for path in changes}, now)
            raise Refusal("the files read back are not what was written; the former ones were put back")
    files.forget()


def difference(path: str, found: dict[str, bytes], changes: dict[str, bytes | None]) -> dict[str, str]:
    """Return one file's change in the form that `--diff` shows."""
    return {
        "before_header": path,
        "after_header": path,
        "before": found.get(path, b"").decode("utf-8", "replace"),
        "after": (changes[path] or b"").decode("utf-8", "replace"),
    }


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        with open(ROOT + "/run/kijun-pam-profile.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            result = run(module)
    except (Refusal, OSError) as problem:
        module.fail_json(msg=f"{problem}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
