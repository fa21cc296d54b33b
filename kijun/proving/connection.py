"""How a proof reaches the host: the administrator's own connection, and the address users log in at."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field

TRUE_WORDS = frozenset({"yes", "true", "1", "on", "y", "t"})


@dataclass(frozen=True)
class Connection:
    """One host's connection variables, rendered. Secrets stay out of `repr`."""

    name: str
    address: str
    port: int | None = None
    user: str | None = None
    key_file: str | None = None
    password: str | None = field(default=None, repr=False)
    ssh_args: tuple[str, ...] = ()
    become: bool = False
    become_user: str = "root"
    become_password: str | None = field(default=None, repr=False)

    @classmethod
    def from_variables(cls, name: str, variables: Mapping[str, object]) -> Connection:
        """Return the connection that Ansible's connection variables of host `name` describe."""

        def first(*names: str) -> str | None:
            values = (variables.get(key) for key in names)
            return next((str(value) for value in values if value not in (None, "")), None)

        port = first("ansible_port", "ansible_ssh_port")
        args = " ".join(filter(None, (first("ansible_ssh_common_args"), first("ansible_ssh_extra_args"))))
        return cls(
            name=name,
            address=first("ansible_host", "ansible_ssh_host") or name,
            port=int(port) if port else None,
            user=first("ansible_user", "ansible_ssh_user"),
            key_file=first("ansible_ssh_private_key_file", "ansible_private_key_file"),
            password=first("ansible_password", "ansible_ssh_password", "ansible_ssh_pass"),
            ssh_args=tuple(shlex.split(args)),
            become=(first("ansible_become") or "no").lower() in TRUE_WORDS,
            become_user=first("ansible_become_user") or "root",
            become_password=first("ansible_become_password", "ansible_become_pass"),
        )

    def ssh_options(self) -> list[str]:
        """Return the OpenSSH arguments, without the host, that connect as the administrator."""
        options = [*self.ssh_args, "-o", "StrictHostKeyChecking=yes"]
        options += ["-p", str(self.port)] if self.port else []
        options += ["-l", self.user] if self.user else []
        options += ["-i", self.key_file, "-o", "IdentitiesOnly=yes"] if self.key_file else []
        return options

    def effective(self) -> dict[str, str]:
        """Return OpenSSH's effective settings (`ssh -G`, the ssh config included), keys in lower case."""
        command = ["ssh", "-G", *self.ssh_options(), self.address]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        pairs = (line.partition(" ") for line in lines)
        settings: dict[str, str] = {}
        for key, _, value in pairs:
            settings.setdefault(key, value)  # OpenSSH: the first value obtained is used
        return settings
