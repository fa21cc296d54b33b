#!/usr/bin/python
# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ansible module: Postfix forwards nothing to the outside that nobody approved."""

# ruff: noqa: E402 - the documentation of an Ansible module comes before its imports
from __future__ import annotations

DOCUMENTATION = r"""
module: kijun_postfix_forwarding
short_description: Take away what Postfix forwards to the outside
description:
  - Users' C(.forward) files are no longer followed. C(always_bcc) and C(luser_relay) that lead outside are
    emptied, in C(main.cf) and on every service of C(master.cf).
  - Destinations outside that nobody approved are taken out of aliases, the lists that they include, and
    virtual, canonical and bcc tables; a copy of each file is kept beside it. An alias or a virtual address
    that would have no destination left gives its mail to the user of that name, or else to postmaster.
  - Nothing is taken out of settings and tables while no domain is named in C(own_domains), for then the
    organisation's own addresses on other hosts would be taken for outside.
  - A transport, a regular expression, a database or a program is left to the administrator, with a warning.
  - Refused, and nothing changed, where a user's C(.forward) is an approved forwarding, which would end.
options:
  own_domains:
    description: The organisation's mail domains, with all below them.
    type: list
    elements: str
    default: []
  approved:
    description: Approved forwardings, each with C(from), C(to), C(approver) and C(until).
    type: list
    elements: dict
    default: []
  programs:
    description: Programs that mail may be handed to.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Predicts exactly what a run changes.
    support: full
  diff_mode:
    description: Shows the lines that change.
    support: full
author:
  - The kijun contributors
"""

EXAMPLES = r"""
- name: Forward nothing outside but one approved address
  kijun_postfix_forwarding:
    own_domains: [museum.example]
    approved:
      - from: sato@museum.example
        to: sato@university.example
        approver: Network manager
        until: "2027-03-31"
"""

RETURN = r"""
stale:
  description: Whether the running Postfix is older than its configuration, or will be after a run.
  returned: success
  type: bool
  sample: false
"""

import os
import pwd
import re
import tempfile
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.kijun_forwarding import Inside, cleaned, cleaned_include, entries, split, today
from ansible.module_utils.kijun_mail import RefusedError
from ansible.module_utils.kijun_postfix import Configuration, PostfixError, Service, stale, words

ARGUMENT_SPEC: dict[str, Any] = {
    "own_domains": {"type": "list", "elements": "str", "default": []},
    "approved": {"type": "list", "elements": "dict", "default": []},
    "programs": {"type": "list", "elements": "str", "default": []},
}
TABLES = (
    "alias_maps",
    "virtual_alias_maps",
    "canonical_maps",
    "recipient_canonical_maps",
    "recipient_bcc_maps",
    "sender_bcc_maps",
)
COMPILED = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb", "texthash": ""}
SINGLE = ("always_bcc", "luser_relay")
KEEPING = ("dovecot-lda", "deliver", "procmail", "vacation")


def read(path: str) -> str:
    """Return the text of a file; bytes that are no UTF-8 are kept."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


class Tables:
    """The texts of the tables, before and after, and which must be compiled anew."""

    def __init__(self, module: Any, inside: Inside) -> None:
        self.module, self.inside = module, inside
        self.texts: dict[str, str] = {}
        self.compile: dict[str, str] = {}  # table -> program
        self.included: dict[str, list[str]] = {}  # list -> aliases that include it

    def take(self, setting: str, table: str) -> None:
        """Clean one table of a setting."""
        kind, _, path = table.removeprefix("proxy:").partition(":")
        alias = setting == "alias_maps"
        if kind in COMPILED and os.path.isfile(path):
            before = self.texts.get(path, read(path))
            forwards = setting in ("alias_maps", "virtual_alias_maps")
            after = cleaned(before, self.inside, alias=alias, instead=self._instead if forwards else _nothing)
            self.texts[path] = after
            made = path + COMPILED[kind]
            old = made != path and os.path.exists(made) and os.stat(made).st_mtime < os.stat(path).st_mtime
            if made != path and (after != read(path) or old):
                self.compile[f"{kind}:{path}"] = "postalias" if alias else "postmap"
            if alias:
                self._aliases(path, after)
        else:
            self.module.warn(f"{setting}: {table} is left to you; kijun check says whether it leads outside.")

    def _aliases(self, path: str, text: str) -> None:
        programs = {program.lower() for program in self.module.params["programs"]}
        for _, key, value in entries(text, alias=True):
            for item in (one.strip().strip('"') for one in split(value)):
                if item.startswith(":include:"):
                    self.included.setdefault(item.removeprefix(":include:").strip(), []).append(key)
                program = item[1:].split(None, 1)[0] if item.startswith("|") and item[1:].strip() else ""
                keeps = program.startswith("/usr/") and os.path.basename(program) in KEEPING
                if program and not keeps and program.lower() not in programs:
                    self.module.warn(
                        f"{path}: mail of {key} is handed to {program}, which mail_forwarding_programs does "
                        "not name. Declare it there, or take it out."
                    )

    def include(self) -> None:
        """Clean the lists that aliases include, and those that these include."""
        waiting = list(self.included)
        for path in waiting:
            if path in self.texts or not os.path.isfile(path):
                continue
            after = cleaned_include(read(path), self.included[path], self.inside)
            self.texts[path] = after
            for inner in re.findall(r":include:([^\s,\"]+)", after):
                self.included.setdefault(inner, []).extend(self.included[path])
                waiting.append(inner)

    def _instead(self, key: str) -> str:
        local = key.partition("@")[0].partition("+")[0]
        if not local:
            return ""
        if local.lower() == "postmaster":
            return "root"
        try:
            pwd.getpwnam(local)
        except KeyError:
            return "postmaster"
        return ""

    def put_in_place(self) -> dict[str, str]:
        """Write what changed, unless in check mode, with a copy of each; return the difference, by lines."""
        before, after = [], []
        for path, text in self.texts.items():
            old = read(path)
            if text == old:
                continue
            old_lines, new_lines = old.splitlines(), text.splitlines()
            before += [f"{path}: {line}" for line in old_lines if line not in new_lines]
            after += [f"{path}: {line}" for line in new_lines if line not in old_lines]
            if not self.module.check_mode:
                self._write(path, text)
        for table, program in self.compile.items():
            after.append(f"{program} {table}")
            if not self.module.check_mode:
                rc, _, err = self.module.run_command([f"/usr/sbin/{program}", table])
                if rc != 0:
                    raise PostfixError(err.strip())
        return {"before": "".join(f"{x}\n" for x in before), "after": "".join(f"{x}\n" for x in after)}

    def _write(self, path: str, text: str) -> None:
        self.module.backup_local(path)
        status = os.stat(path)
        handle, new = tempfile.mkstemp(dir=self.module.tmpdir)
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        os.chmod(new, status.st_mode & 0o7777)
        os.chown(new, status.st_uid, status.st_gid)
        self.module.atomic_move(new, path)


def _nothing(_key: str) -> str:
    return ""


def domains(conf: Configuration) -> list[str]:
    """Return the domains that the host itself keeps mail for, as far as they are written out."""
    found = []
    for setting in ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains"):
        for word in words(conf.get(setting)):
            kind, _, path = word.partition(":")
            if not path and not word.startswith("/"):
                found.append(word)
            elif kind in COMPILED and os.path.isfile(path):
                found += [key for _, key, _ in entries(read(path), alias=False) if key and "@" not in key]
    return found


def origin(conf: Configuration) -> str:
    """Return the domain of a name without one."""
    value = conf.get("myorigin")
    return read(value).split("\n", 1)[0].strip() if value.startswith("/") else value


def check_users(tables: Tables) -> None:
    """Warn of whose `.forward` ends. Raises RefusedError where one is an approved forwarding."""
    ended = []
    for user in pwd.getpwall():
        path = os.path.join(user.pw_dir, ".forward")
        if user.pw_dir in ("", "/") or not os.path.isfile(path):
            continue
        ended.append(path)
        for item in split(read(path)):
            if tables.inside.outside(item) and tables.inside.permitted(user.pw_name, item):
                raise RefusedError(
                    f"{path} is an approved forwarding, and .forward files are no longer followed. Put "
                    f"'{user.pw_name}: \\{user.pw_name}, {item}' into /etc/aliases, and take the file away."
                )
    if ended:
        tables.module.warn(f"No longer followed, so that mail stays in the box: {', '.join(ended)}.")


def change(conf: Configuration, tables: Tables) -> None:
    """Change the copy of the configuration, and the texts; raises RefusedError and PostfixError."""
    change_users(conf, tables)
    if not tables.inside.own:
        tables.module.warn(
            "mail_forwarding_own_domains names no domain, so nothing is taken out of aliases and settings."
        )
        return
    change_main(conf, tables)
    found = [(name, word) for name in TABLES for word in words(conf.get(name))]
    for (service, kind), settings in conf.overrides().items():
        for name, value in settings.items():
            if _opens(name, value, tables.inside):
                conf.drop(Service(service, kind, ""), name)
            elif name in TABLES:
                found += [(name, word) for word in words(value)]
    for name, table in dict.fromkeys(found):
        if ":" in table:
            tables.take(name, table)
    tables.include()


def change_users(conf: Configuration, tables: Tables) -> None:
    """See to it that users' own files are no longer followed."""
    if conf.ask("-h", "forward_path").strip():
        check_users(tables)
        conf.ask("-e", "forward_path =")
    for (service, kind), settings in conf.overrides().items():
        if settings.get("forward_path"):
            conf.drop(Service(service, kind, ""), "forward_path")
    if "procmail" in conf.get("mailbox_command") and not conf.get("mailbox_transport"):
        if os.path.exists("/etc/procmailrc"):
            tables.module.warn(
                "mailbox_command: procmail lets users forward; /etc/procmailrc is left to you."
            )
        else:
            conf.set("mailbox_command", "")


def change_main(conf: Configuration, tables: Tables) -> None:
    """Change the settings that are for all services."""
    inside = tables.inside
    for name in (*SINGLE, *TABLES):
        value = conf.get(name)
        if _opens(name, value, inside):
            kept = [word for word in words(value) if name in TABLES and not _fixed_outside(word, inside)]
            conf.set(name, ", ".join(kept))


def _opens(name: str, value: str, inside: Inside) -> bool:
    """Say whether a setting, with this value, forwards to the outside."""
    if name in TABLES:
        return any(_fixed_outside(word, inside) for word in words(value))
    return name in SINGLE and _leads_outside(value, name, inside)


def _fixed_outside(table: str, inside: Inside) -> bool:
    """Say whether a table gives everybody the same address, and that one is outside (`static:`)."""
    return table.startswith("static:") and any(
        not inside.permitted("*", item) for item in split(table.removeprefix("static:"))
    )


def _leads_outside(value: str, name: str, inside: Inside) -> bool:
    source = "*" if name == "always_bcc" else f"@{inside.origin}"
    target = re.sub(r"^[$][{(]?[a-z_]+[})]?(?=@)", "anybody", value)
    return any(not inside.permitted(source, item) for item in split(target))


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.run_command_environ_update = {"LC_ALL": "C"}
    given = module.params
    try:
        conf = Configuration(module)
        inside = Inside(origin(conf), domains(conf), given["own_domains"], given["approved"], today())
        tables = Tables(module, inside)
        change(conf, tables)
        settings, texts = conf.put_in_place(), tables.put_in_place()
        diff = {side: settings[side] + texts[side] for side in ("before", "after")}
        changed_settings = bool(settings["before"] or settings["after"])
        is_stale = changed_settings or stale(conf.directory, time.time())
    except (PostfixError, RefusedError, OSError) as problem:
        module.fail_json(msg=str(problem))
    headers = {"before_header": conf.directory, "after_header": conf.directory}
    changed = bool(diff["before"] or diff["after"])
    module.exit_json(changed=changed, stale=is_stale, diff={**headers, **diff})


if __name__ == "__main__":
    main()
