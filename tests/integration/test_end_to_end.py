"""The whole way on booted hosts: found wanting, predicted, enforced, proven; and what must fail."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kijun.targets import Target, disposable

pytestmark = pytest.mark.booted
ROOT = Path(__file__).parents[2]
RELEASES = ("bookworm", "trixie")
Kijun = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state directory of our own, so that targets, logs and proofs are ours alone."""
    folder = tmp_path_factory.mktemp("state")
    before = os.environ.get("KIJUN_STATE_DIR")
    os.environ["KIJUN_STATE_DIR"] = str(folder)
    yield folder
    if before is None:
        del os.environ["KIJUN_STATE_DIR"]
    else:
        os.environ["KIJUN_STATE_DIR"] = before


@pytest.fixture(scope="module")
def hosts(state: Path) -> Iterator[list[Target]]:
    """One fresh host of each release."""
    with disposable("e2e-12", release="bookworm") as old, disposable("e2e-13", release="trixie") as new:
        yield [old, new]


@pytest.fixture(scope="module")
def kijun(tmp_path_factory: pytest.TempPathFactory) -> Kijun:
    """The command, from a folder that has nothing to do with it and with settings that must not matter."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    settings = {**os.environ, "ANSIBLE_ROLES_PATH": "/nowhere", "ANSIBLE_STDOUT_CALLBACK": "none_such"}
    command = "import sys; from kijun.cli import main; sys.argv[0] = 'kijun'; main()"

    def run(*words: str, code: int | None = None) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-c", command, *words]
        env = {**settings, "KIJUN_STATE_DIR": os.environ["KIJUN_STATE_DIR"]}
        done = subprocess.run(argv, capture_output=True, text=True, cwd=elsewhere, env=env, check=False)
        if code is not None:
            assert done.returncode == code, (
                f"{' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
            )
        return done

    return run


def changed_tasks(output: str, word: str) -> dict[str, set[str]]:
    """Return the tasks that `output` says changed a host, or would, by host."""
    found: dict[str, set[str]] = {}
    for host, task in re.findall(rf"^  (\S+): {word}: (.+)$", output, re.MULTILINE):
        found.setdefault(host, set()).add(task)
    return found


def failing(checked: subprocess.CompletedProcess[str]) -> dict[str, set[str]]:
    """Return the failing controls of each host of a JSON report."""
    report = json.loads(checked.stdout)
    return {
        name: {f["control"] for f in host["findings"] if f["status"] == "fail"}
        for name, host in report["hosts"].items()
    }


@pytest.fixture(scope="module")
def enforced(hosts: list[Target], kijun: Kijun) -> dict[str, object]:
    """Check, predict, enforce; return what each said. The tests below look at it from all sides."""
    inventory = str(hosts[0].inventory)
    before = kijun("check", "-i", inventory, "--format", "json", code=1)
    predicted = kijun("enforce", "-i", inventory, "--check", "--diff", code=1)
    untouched = kijun("check", "-i", inventory, "--format", "json", code=1)
    run = kijun("enforce", "-i", inventory, code=0)
    for host in hosts:
        host.give_operator_password()  # one that the policy has seen: a wrong one can then be told from it
    return {"before": before, "predicted": predicted, "untouched": untouched, "run": run}


def test_a_fresh_host_is_found_wanting_by_clauses(enforced: dict[str, object]) -> None:
    before = json.loads(enforced["before"].stdout)  # type: ignore[attr-defined]
    for host in before["hosts"].values():
        clauses = {clause for f in host["findings"] if f["status"] == "fail" for clause in f["clauses"]}
        assert {"S-10.2.7.b", "S-9.4.2.3"} <= clauses


def test_a_prediction_touches_nothing(enforced: dict[str, object]) -> None:
    assert failing(enforced["untouched"]) == failing(enforced["before"])  # type: ignore[arg-type]


def test_the_prediction_is_exactly_what_then_changes(enforced: dict[str, object]) -> None:
    predicted = changed_tasks(enforced["predicted"].stdout, "would change")  # type: ignore[attr-defined]
    changed = changed_tasks(enforced["run"].stdout, "changed")  # type: ignore[attr-defined]
    assert set(changed) == {"e2e-12", "e2e-13"}
    assert predicted == changed


def test_after_enforcing_nothing_fails(
    enforced: dict[str, object], hosts: list[Target], kijun: Kijun
) -> None:
    kijun("check", "-i", str(hosts[0].inventory), code=0)


def test_enforcing_again_runs_nothing_and_is_quick(
    enforced: dict[str, object], hosts: list[Target], kijun: Kijun, state: Path
) -> None:
    logs = set((state / "runs").glob("*enforce*"))
    begun = time.monotonic()
    again = kijun("enforce", "-i", str(hosts[0].inventory), code=0)
    took = time.monotonic() - begun
    assert "Nothing to do" in again.stdout
    assert set((state / "runs").glob("*enforce*")) == logs
    assert took < 3 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)), f"{took:.1f} s"


def test_plain_ansible_then_changes_nothing(enforced: dict[str, object], hosts: list[Target]) -> None:
    playbook = Path(sys.executable).parent / "ansible-playbook"
    done = subprocess.run(
        [playbook, "-i", hosts[0].inventory, "playbooks/site.yml"],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"changed=(\d+)", done.stdout) == ["0", "0"], done.stdout


PROVEN = ("password_policy", "unused_ports")  # account_lockout too, by Molecule


def test_what_is_enforced_is_proven_and_remembered(
    enforced: dict[str, object], hosts: list[Target], kijun: Kijun
) -> None:
    """The topics that every host has, by doing, and how it is remembered; Molecule has hosts for others."""
    inventory = str(hosts[0].inventory)
    before = hosts[0].run("getent passwd | cut -d: -f1").stdout
    topics = [word for topic in PROVEN for word in ("--topic", topic)]
    kijun("prove", "-i", inventory, *topics, "--intrusive", code=0)
    assert hosts[0].run("getent passwd | cut -d: -f1").stdout == before
    assert hosts[0].run("ls /home").stdout.split() == ["operator"]
    report = json.loads(kijun("check", "-i", inventory, "--format", "json", code=0).stdout)
    for host in report["hosts"].values():
        grades = [(finding["topic"], finding["grade"]) for finding in host["findings"]]
        assert grades.count(("password_policy", "proven")) >= 6
        assert grades.count(("unused_ports", "proven")) >= 6
        assert ("account_lockout", "proven") not in grades


def test_an_interrupted_proof_leaves_nobody_behind(
    enforced: dict[str, object], hosts: list[Target], state: Path
) -> None:
    """Stopped as a job in the background is: by SIGTERM, while it and what it starts ignore SIGINT."""
    target = hosts[1]
    words = ["prove", "--intrusive", "-i", str(target.inventory), "-l", target.name]
    words += ["--topic", "account_lockout", "--topic", "unused_ports"]
    argv = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", sys.executable, "-m", "kijun", *words]
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while target.run("getent passwd | grep -c kijun-proof", check=False).stdout.strip() == "0":
        assert time.monotonic() < deadline, "no throw-away user was made"
        time.sleep(0.5)
    child.terminate()
    _, said = child.communicate(timeout=120)
    assert child.returncode == 130, said
    assert target.run("getent passwd | grep -c kijun-proof", check=False).stdout.strip() == "0"
    assert target.run("ls /home").stdout.split() == ["operator"]


def write(folder: Path, target: Target, **variables: object) -> str:
    """Write an inventory with a good host and one, `other`, that has `variables`; return its path."""
    common = {
        "ansible_host": target.address,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(target.key),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={target.known_hosts}",
    }
    listed = {"good": common, "other": {**common, **variables}}
    path = folder / "hosts.json"
    path.write_text(json.dumps({"all": {"hosts": listed}}))
    return str(path)


SECRET = "not-the-password"
BAD = [
    ({"password_policy_min_length": 6}, 3, ["password_policy_min_length", "8", "S-9.4.2.3"]),
    ({"ansible_host": "192.0.2.1", "ansible_ssh_timeout": 3}, 2, ["other", "unreachable"]),
    ({"ansible_user": "operator", "ansible_become_password": SECRET}, 2, ["other", "sudo"]),
    ({"account_lockout_deny": "{{ none_such }}"}, 3, ["account_lockout_deny", "none_such"]),
]


@pytest.mark.parametrize(("variables", "code", "words"), BAD, ids=["floor", "dead", "sudo", "undefined"])
@pytest.mark.parametrize("verb", ["check", "enforce", "prove"])
def test_a_failing_inventory_is_one_sentence_and_the_right_code(
    enforced: dict[str, object], hosts: list[Target], kijun: Kijun, tmp_path: Path,
    verb: str, variables: dict[str, object], code: int, words: list[str],
) -> None:  # fmt: skip
    begun = time.monotonic()
    done = kijun(verb, "-i", write(tmp_path, hosts[0], **variables), code=code)
    assert time.monotonic() - begun < (150 if verb == "prove" else 40)  # proofs of the good host take theirs
    said = done.stdout + done.stderr
    assert all(word in said for word in words), said
    if code == 3:
        assert len(said.splitlines()) == 1 or verb == "check", said
    assert "Traceback" not in said
    assert SECRET not in said
    if code == 2:
        assert "good" in said


def test_a_role_that_fails_is_one_sentence_with_its_log(
    enforced: dict[str, object], hosts: list[Target], kijun: Kijun
) -> None:
    """A stack edited by hand is refused by the role before anything is written, and enforce says so."""
    target = hosts[0]
    target.run(
        "cp -a /etc/pam.d/common-auth /root/kept && "
        "sed -i '1i auth sufficient pam_permit.so' /etc/pam.d/common-auth"
    )
    try:
        done = kijun("enforce", "-i", str(target.inventory), "--limit", target.name)
        assert done.returncode in (0, 1)
        if done.returncode == 1:  # refused: said why, where, and where the whole story is
            assert "Ansible could not finish: e2e-12: task '" in done.stdout
            log = Path(re.findall(r"full log: (\S+)", done.stdout)[0])
            assert log.stat().st_mode & 0o077 == 0
    finally:
        target.run("mv /root/kept /etc/pam.d/common-auth")
    kijun("check", "-i", str(target.inventory), "--limit", target.name, code=0)


def test_nothing_of_a_run_is_left(enforced: dict[str, object], state: Path) -> None:
    assert not list(Path("/dev/shm").glob("kijun-run-*"))
    for log in (state / "runs").glob("*.log"):
        assert log.stat().st_mode & 0o077 == 0
