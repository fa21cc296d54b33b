"""Plain `ansible-playbook` refuses what `kijun` refuses, in the same words, before a host is contacted."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kijun.generating.playbook import site_playbook
from kijun.paths import data_root
from kijun.standard import Standard
from tests.unit import rulebooks

CHECKOUT = data_root()
INVENTORY = """
all:
  hosts:
    gate: {ansible_host: 192.0.2.1}
    shed: {ansible_host: 192.0.2.2}
"""
FAKE_SSH = """#!/bin/sh
echo "$@" >> "$CONTACTED"
exit 255
"""


@pytest.fixture
def tree(tmp_path):
    """A checkout with the small rulebook, its role, and an ssh that only notes that it was called."""
    rulebooks.write(tmp_path)
    (tmp_path / "kijun").symlink_to(CHECKOUT / "kijun")
    for kept in ("roles/change_guard", "library"):
        (tmp_path / kept).symlink_to(CHECKOUT / kept)
    plugins = tmp_path / "playbooks" / "action_plugins"
    plugins.mkdir(parents=True)
    for name in ("kijun_floors.py", "kijun_change_guard.py"):
        shutil.copy(CHECKOUT / "playbooks" / "action_plugins" / name, plugins)
    tasks = tmp_path / "roles" / "doors" / "tasks"
    tasks.mkdir()
    (tasks / "main.yml").write_text("- name: Touch it\n  ansible.builtin.raw: /bin/true\n", encoding="utf-8")
    site = site_playbook(Standard(rulebooks.standard_of(tmp_path)), tmp_path)
    (tmp_path / "playbooks" / "site.yml").write_text(site, encoding="utf-8")
    shutil.copy(CHECKOUT / "ansible.cfg", tmp_path)
    (tmp_path / "inventory.yml").write_text(INVENTORY, encoding="utf-8")
    ssh = tmp_path / "ssh"
    ssh.write_text(FAKE_SSH, encoding="utf-8")
    ssh.chmod(0o755)
    return tmp_path


def play(tree, *arguments):
    contacted = tree / "contacted"
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "ANSIBLE_CONFIG": str(tree / "ansible.cfg"),
        "ANSIBLE_SSH_EXECUTABLE": str(tree / "ssh"),
        "ANSIBLE_NOCOLOR": "1",
        "CONTACTED": str(contacted),
        "HOME": str(tree),
    }
    command = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        "-i",
        "inventory.yml",
        "playbooks/site.yml",
    ]
    done = subprocess.run(
        [*command, *arguments], cwd=tree, env=env, text=True, capture_output=True, timeout=120, check=False
    )
    return done.returncode, done.stdout + done.stderr, contacted.exists()


def set_for_all(tree, text):
    folder = tree / "group_vars"
    folder.mkdir()
    (folder / "all.yml").write_text(text, encoding="utf-8")


def test_values_at_the_floor_pass_and_then_the_hosts_are_contacted(tree):
    set_for_all(tree, "doors_locks: 2\n")
    code, said, contacted = play(tree)
    assert "ok: [gate]" in said
    assert (code, contacted) == (4, True)


def test_a_value_below_a_floor_stops_all_hosts_before_any_is_contacted(tree):
    set_for_all(tree, "doors_paint: false\ndoors_locks: 1\n")
    code, said, contacted = play(tree)
    place = f"{tree}/group_vars/all.yml:2"
    assert (
        f"kijun: gate, shed: doors_locks is 1 (set in {place}), but clause S-1.1 demands at least 2; "
        "no host was touched."
    ) in said
    assert (code, contacted) == (2, False)
    assert "Make every host keep" not in said


def test_one_hosts_value_stops_the_others_too(tree):
    folder = tree / "host_vars"
    folder.mkdir()
    (folder / "shed.yml").write_text("doors_locks: many\n", encoding="utf-8")
    code, said, contacted = play(tree)
    assert (
        f"kijun: shed: doors_locks is 'many' (set in {folder}/shed.yml:1), but it needs a whole number"
        in said
    )
    assert (code, contacted) == (2, False)
    code, said, contacted = play(tree, "--limit", "gate")
    assert (code, contacted) == (4, True)


def test_extra_variables_and_tags_do_not_get_round_it(tree):
    set_for_all(tree, "doors_locks: 5\n")
    code, said, contacted = play(tree, "-e", "doors_locks=1", "--tags", "doors")
    assert "doors_locks is 1 (set in <CLI option '-e'>), but clause S-1.1 demands at least 2" in said
    assert (code, contacted) == (2, False)


def test_jinja_is_resolved_before_it_is_compared(tree):
    set_for_all(tree, 'width: 1\ndoors_locks: "{{ width }}"\n')
    code, said, contacted = play(tree)
    assert f"doors_locks is 1 (set in {tree}/group_vars/all.yml:2), but clause S-1.1 demands" in said
    assert (code, contacted) == (2, False)


def test_an_undefined_variable_is_named(tree):
    set_for_all(tree, 'doors_locks: "{{ nobody_set_this }}"\n')
    code, said, contacted = play(tree)
    assert (
        f"kijun: gate: the variable doors_locks (set in {tree}/group_vars/all.yml:1) cannot be resolved: "
        "'nobody_set_this' is undefined; shed: the variable doors_locks"
    ) in said
    assert "; no host was touched." in said
    assert (code, contacted) == (2, False)


def test_a_value_may_refer_to_a_default(tree):
    set_for_all(tree, 'doors_gate_locks: "{{ doors_locks + 1 }}"\n')
    code, _, contacted = play(tree)
    assert (code, contacted) == (4, True)
    (tree / "group_vars" / "all.yml").write_text(
        'doors_gate_locks: "{{ hostvars.shed.doors_locks | default(doors_locks) }}"\n', encoding="utf-8"
    )
    code, said, _ = play(tree, "--limit", "gate")
    assert (
        "but kijun's practice floor asks for more than doors_locks, which is 3 (set in the role's default)"
        in said
    )
    assert code == 2


def test_a_broken_floor_stops_too(tree):
    path = tree / "standards/small/controls/doors.yml"
    path.write_text(path.read_text("utf-8").replace("min: 2", "min: two"), encoding="utf-8")
    code, said, contacted = play(tree)
    assert "doors.yml: floors[0].min: expected a whole number, found the text 'two'." in said
    assert (code, contacted) == (2, False)


def test_the_check_needs_ansible_core_only():
    script = (
        "import sys; before = set(sys.modules); import kijun.floors; "
        "print({name.split('.')[0] for name in set(sys.modules) - before})"
    )
    done = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True, check=True)
    loaded = eval(done.stdout)  # a set of names that we printed ourselves
    assert {"kijun", "yaml"} <= loaded
    assert not loaded & {"pydantic", "typer", "rich", "pyinfra", "ansible", "jinja2"}
