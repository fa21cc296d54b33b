# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The texts by which a mail server sends mail on, cleaned of what leads outside."""

from __future__ import annotations

import os
import pwd
import re
import tempfile
from typing import Any

from ansible.module_utils.kijun_forwarding import Inside, cleaned, cleaned_include, entries, split
from ansible.module_utils.kijun_mail import RefusedError
from ansible.module_utils.kijun_postfix import PostfixError

ARGUMENT_SPEC: dict[str, Any] = {
    "own_domains": {"type": "list", "elements": "str", "default": []},
    "approved": {"type": "list", "elements": "dict", "default": []},
    "programs": {"type": "list", "elements": "str", "default": []},
}
COMPILED = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb", "texthash": ""}
KEEPING = ("dovecot-lda", "deliver", "procmail", "vacation")
NO_DOMAIN = "mail_forwarding_own_domains names no domain, so nothing is taken out of aliases and settings."


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
            after = self.take_text(path, alias=alias, forwards=alias or setting == "virtual_alias_maps")
            made = path + COMPILED[kind]
            old = made != path and os.path.exists(made) and os.stat(made).st_mtime < os.stat(path).st_mtime
            if made != path and (after != read(path) or old):
                self.compile[f"{kind}:{path}"] = "postalias" if alias else "postmap"
        else:
            self.module.warn(f"{setting}: {table} is left to you; kijun check says whether it leads outside.")

    def take_text(self, path: str, *, alias: bool, forwards: bool) -> str:
        """Clean the text of one table, and return it; one that forwards keeps a box for every name."""
        before = self.texts.get(path, read(path))
        after = cleaned(before, self.inside, alias=alias, instead=self._instead if forwards else _nothing)
        self.texts[path] = after
        if alias:
            self._aliases(path, after)
        return after

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


def check_users(tables: Tables) -> None:
    """Warn of whose `.forward` ends. Raises RefusedError where one is an approved forwarding."""
    ended = []
    for user in pwd.getpwall():
        path = os.path.join(user.pw_dir, ".forward")
        if user.pw_dir in ("", "/") or not os.path.isfile(path):
            continue
        ended.append(path)
        text = read(path)
        for item in [*split(text), *re.findall(r"[^\s<>,;\"']+@[^\s<>,;\"']+", text)]:
            if tables.inside.outside(item) and tables.inside.permitted(user.pw_name, item):
                raise RefusedError(
                    f"{path} is an approved forwarding, and .forward files are no longer followed. Put "
                    f"'{user.pw_name}: \\{user.pw_name}, {item}' into /etc/aliases, and take the file away."
                )
    if ended:
        tables.module.warn(f"No longer followed, so that mail stays in the box: {', '.join(ended)}.")
