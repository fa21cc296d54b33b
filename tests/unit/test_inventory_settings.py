"""Whose ansible.cfg counts while an inventory is loaded. Ansible reads it once: each in its own process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kijun.paths import data_root

LOOK = """
import json, os
from kijun.inventory import load_inventory
load_inventory(["localhost,"])
from ansible import constants as C
print(json.dumps([C.CONFIG_FILE, C.DEFAULT_HASH_BEHAVIOUR, os.environ.get("ANSIBLE_CONFIG")]))
"""


@pytest.mark.parametrize("named", [True, False])
def test_the_operators_ansible_cfg_does_not_change_what_is_judged(tmp_path: Path, named: bool) -> None:
    """Neither one in the working directory nor a named one; and the environment is left as it was."""
    own = tmp_path / "ansible.cfg"
    own.write_text("[defaults]\nhash_behaviour = merge\n")
    environment = {k: v for k, v in os.environ.items() if k != "ANSIBLE_CONFIG"}
    environment |= {"ANSIBLE_CONFIG": str(own)} if named else {}
    environment["PYTHONPATH"] = str(data_root())
    argv = [sys.executable, "-c", LOOK]
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    expected = [str(data_root() / "ansible.cfg"), "replace", str(own) if named else None]
    assert json.loads(done.stdout) == expected
