"""Hosts that misbehave in every way we could think of: each has its reason, none disturbs another."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kijun.targets import Target, disposable

pytestmark = pytest.mark.booted
TIMEOUT = 20

# A login shell per user: (the shell's body, the outcome, a word of the reason).
_SAYS = "nonce=$(sed -n '/^kijun_nonce=/{s///p;q}')\nprintf '\\n@%s start\\n' \"$nonce\"\n"
_STOP = "\nprintf '\\n@%s stop\\n' \"$nonce\""
SHELLS = {
    "gigabyte": ("exec head -c 1073741824 /dev/zero", "malformed", "more than"),
    "oneline": ("exec yes | tr -d '\\n'", "malformed", "more than"),
    "slow": ("while :; do echo x; sleep 0.2; done", "timed_out", "no answer within"),
    "hang": ("exec sleep 3600", "timed_out", "no answer within"),
    "early": ("exit 3", "malformed", "exit status 3"),
    "deaf": ("exec <&-; exit 0", "malformed", "before it began"),
    "garbage": ("exec head -c 200000 /dev/urandom", "malformed", "before it began"),
    "truncated": (_SAYS + "echo AAAA", "malformed", "cut off"),
    "garbled": (_SAYS + "head -c 3000 /dev/urandom" + _STOP, "malformed", "garbled"),
    "bomb": (_SAYS + "head -c 300000000 /dev/zero | gzip | base64" + _STOP, "malformed", "larger than"),
    "emptygz": (_SAYS + "gzip </dev/null | base64" + _STOP, "malformed", "begin with a frame"),
    "stderr": ("yes >&2", "timed_out", "no answer within"),
    "nologin": ("exec /usr/sbin/nologin", "denied", "lets nobody in"),
    "utf8": ("printf '\\377\\376\\n' >&2; exit 1", "malformed", "exit status 1"),
}
NOISY = "#!/bin/sh\necho 'Welcome!'; printf '\\377 motd \\n@ start\\n'; exec /bin/bash \"$@\"\n"
LINGER = '#!/bin/sh\n/bin/bash "$@"\nsleep 300 &\n'


@pytest.fixture(name="target", scope="module")
def target_() -> Iterator[Target]:
    with disposable("kijun-hostile") as target:
        script = ["set -e", "umask 022", "mkdir -p /root/shells"]
        bodies = {name: f"#!/bin/sh\n{body}\n" for name, (body, _, _) in SHELLS.items()}
        for name, body in {**bodies, "noisy": NOISY, "linger": LINGER}.items():
            script += [
                f"cat > /usr/local/bin/sh-{name} <<'END'\n{body}END",
                f"chmod 755 /usr/local/bin/sh-{name}",
                f"useradd -m -s /usr/local/bin/sh-{name} {name}",
                f"install -d -m 700 -o {name} /home/{name}/.ssh",
                f"install -m 600 -o {name} /root/.ssh/authorized_keys /home/{name}/.ssh/authorized_keys",
                f"echo '{name} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{name}",
            ]
        # What a read must survive on an otherwise healthy host.
        script += [
            "mkfifo /etc/pam.d/kijun-fifo",
            "mkdir /etc/pam.d/kijun-dir",
            "ln -s /nowhere /etc/pam.d/kijun-dangling",
            "ln -s kijun-loop /etc/pam.d/kijun-loop",
        ]
        target.run("sh -s", stdin="\n".join(script) + "\n")
        yield target


def connection(target: Target, user: str) -> dict[str, object]:
    return {
        "ansible_host": target.address,
        "ansible_port": target.port,
        "ansible_user": user,
        "ansible_ssh_private_key_file": str(target.key),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={target.known_hosts}",
    }


def check(
    folder: Path, hosts: dict[str, dict[str, object]], *options: str
) -> tuple[dict[str, dict[str, object]], int, str]:
    inventory = folder / "hosts.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    inventory = inventory.rename(folder / "hosts.yml")  # JSON is YAML
    done = subprocess.run(
        [Path(sys.executable).parent / "kijun", "check", "-i", str(inventory), "--format", "json", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "HOME": str(folder), "KIJUN_STATE_DIR": str(folder)},
    )
    reports = json.loads(done.stdout)["hosts"] if done.stdout else {}
    return reports, done.returncode, done.stderr


def test_hostile_hosts(target: Target, tmp_path: Path) -> None:
    users = [*SHELLS, "noisy", "linger"]
    hosts = {name: connection(target, name) for name in users} | {"healthy": connection(target, "root")}
    before = time.monotonic()
    reports, code, said = check(tmp_path, hosts, "--timeout", str(TIMEOUT), "--forks", "20")
    assert time.monotonic() - before < TIMEOUT + 15
    assert said == ""
    for name, (_, outcome, word) in SHELLS.items():
        assert (reports[name]["outcome"], word in str(reports[name]["reason"])) == (outcome, True), reports[
            name
        ]
        assert {f["status"] for f in reports[name]["findings"]} <= {"unknown"}  # type: ignore[attr-defined]
    for name in ("noisy", "linger", "healthy"):
        assert reports[name]["outcome"] == "collected", reports[name]
    assert code in {1, 2}
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    assert peak < 400, f"{peak:.0f} MB"  # twenty hosts at once, each allowed 16 MiB


def test_nothing_is_left_on_the_host(target: Target, tmp_path: Path) -> None:
    listing = "find /tmp /var/tmp /root /home /etc /usr/local -newer /etc/kijun-mark -type f"
    target.run("touch /etc/kijun-mark; sleep 1.1")
    reports, _, _ = check(tmp_path, {"h": connection(target, "root")})
    assert reports["h"]["outcome"] == "collected"
    assert target.run(listing).stdout == ""
    assert target.run("pgrep -fc 'sh -s' || true").stdout.strip() in {"0", "1"}  # this very command's shell


def test_sudo_with_a_password(target: Target, tmp_path: Path) -> None:
    operator = connection(target, target.operator)
    password = target.give_operator_password()
    target.run(f"faillock --user {target.operator} --reset", check=False)
    hosts = {
        "right": {**operator, "ansible_become_password": password},
        "wrong": {**operator, "ansible_become_password": "not this one"},
        "none": operator,
        "unneeded": {**connection(target, "noisy"), "ansible_become_password": "touch /tmp/executed"},
        "su": {**operator, "ansible_become_method": "su"},
        "plain": {**operator, "ansible_become": False},
    }
    reports, code, said = check(tmp_path, hosts)
    assert said == ""
    expected = {
        "right": ("collected", ""),
        "wrong": ("denied", "sudo refused the password"),
        "none": ("denied", "sudo asks for a password"),
        "unneeded": ("collected", ""),
        "su": ("denied", "ansible_become_method su"),
        "plain": ("denied", "not root's"),
    }
    for name, (outcome, words) in expected.items():
        assert reports[name]["outcome"] == outcome, reports[name]
        assert words in str(reports[name]["reason"])
    assert code in {1, 2}
    assert target.run("test -e /tmp/executed", check=False).returncode == 1
    attempts = target.run("journalctl -q --no-pager _COMM=sudo | grep -c 'incorrect password' || true").stdout
    assert attempts.strip() == "0"  # sudo was ended before it could ask, and count, a second time
    failures = "journalctl -q --no-pager _COMM=sudo | grep -c 'pam_unix(sudo:auth): authentication failure'"
    assert target.run(failures).stdout.strip() == "1"
    everything = target.run(
        "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'", check=False
    )
    assert "not this one" not in everything.stdout


def test_ways_to_a_host(target: Target, tmp_path: Path) -> None:
    root = connection(target, "root")
    config = tmp_path / "ssh_config"
    hop = f"Hostname {target.address}\nPort {target.port}\nUser root\nIdentityFile {target.key}\n"
    config.write_text(
        f"Host hop other\n{hop}UserKnownHostsFile {target.known_hosts}\nGlobalKnownHostsFile /dev/null\n"
    )
    by_config = f"-F {config} -o UserKnownHostsFile={target.known_hosts}"
    hosts = {
        "jump": {**root, "ansible_ssh_common_args": f"{by_config} -J hop"},
        "alias": {"ansible_host": "other", "ansible_ssh_common_args": f"-F {config}"},
        "badjump": {**root, "ansible_ssh_common_args": f"{by_config} -J root@127.0.0.1:1"},
        "command": {
            **root,
            "ansible_ssh_common_args": f"{by_config} -o ProxyCommand='ssh -F {config} -W %h:%p hop'",
        },
        "unknown": {**root, "ansible_ssh_common_args": "-o UserKnownHostsFile=/dev/null"},
        "anykey": {
            **root,
            "ansible_ssh_common_args": "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no",
        },
        "port": {**root, "ansible_port": 1},
        "badoption": {**root, "ansible_ssh_extra_args": "-o Nonsense=1"},
        "badkey": {**root, "ansible_ssh_private_key_file": "/nonexistent"},
        "dead": {**root, "ansible_host": "203.0.113.9"},
        "name": {**root, "ansible_host": "nosuch.invalid"},
        "here": {"ansible_connection": "local"},
    }
    reports, code, said = check(tmp_path, hosts, "--timeout", "8")
    assert said == ""
    expected = {
        "jump": ("collected", ""),
        "alias": ("collected", ""),
        "command": ("collected", ""),
        "anykey": ("collected", ""),
        "here": ("collected", ""),
        "badjump": ("unreachable", "jump"),
        "unknown": ("denied", "accept-new"),
        "port": ("unreachable", "port 1"),
        "badoption": ("unreachable", "onsense"),
        "badkey": ("denied", "refused the login"),
        "name": ("unreachable", "cannot be resolved"),
    }
    for name, (outcome, words) in expected.items():
        assert (reports[name]["outcome"], words in str(reports[name]["reason"])) == (outcome, True), reports[
            name
        ]
    assert reports["dead"]["outcome"] in {"unreachable", "timed_out"}
    assert code in {1, 2}


def test_an_inventory_error_reports_the_healthy_hosts(target: Target, tmp_path: Path) -> None:
    good = connection(target, "root")
    bad = {**good, "ansible_user": "{{ nowhere }}"}
    reports, code, said = check(tmp_path, {"good": good, "bad": bad})
    assert (code, said) == (3, "")
    assert reports["good"]["outcome"] == "collected"
    assert reports["bad"]["outcome"] == "malformed"
    for word in ("bad", "ansible_user", "hosts.yml", "nowhere"):
        assert word in str(reports["bad"]["reason"])
