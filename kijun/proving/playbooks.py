"""Running one of our playbooks on the host under proof, as its operator would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from kijun.paths import data_root
from kijun.proving.hosts import ProofHost

TIME_LIMIT = 300  # seconds


def play(proof: ProofHost, name: str) -> None:
    """Run `playbooks/<name>` on the host; AssertionError with Ansible's last words where it fails."""
    connection = proof.connection
    variables: dict[str, object] = {
        "ansible_connection": connection.kind,
        "ansible_become": connection.become,
    }
    given = {
        "ansible_host": connection.address,
        "ansible_port": connection.port,
        "ansible_user": connection.user,
        "ansible_ssh_private_key_file": connection.key_file,
        "ansible_password": connection.password,
        "ansible_become_password": connection.become_password,
        "ansible_ssh_common_args": " ".join(connection.ssh_args),
    }
    variables |= {key: value for key, value in given.items() if value}
    with tempfile.TemporaryDirectory(prefix="kijun-play-") as folder:
        inventory = Path(folder, "inventory.json")  # the folder is ours alone: the file may hold passwords
        hosts = {"all": {"hosts": {connection.name: variables}}}
        inventory.write_text(json.dumps(hosts), encoding="utf-8")
        done = subprocess.run(
            [
                str(Path(sys.executable).parent / "ansible-playbook"),
                "-i",
                str(inventory),
                f"playbooks/{name}",
            ],
            cwd=data_root(),
            env={**os.environ, "ANSIBLE_CONFIG": str(data_root() / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )
    assert done.returncode == 0, f"{name} failed: {done.stdout.strip()[-1500:]}"
