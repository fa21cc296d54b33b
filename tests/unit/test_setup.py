"""The set-up scripts on pretended machines: which Python, what is installed, what is said."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What the scripts may use of a machine; everything else is pretended, or absent.
TOOLS = (
    "sh",
    "env",
    "dirname",
    "id",
    "sed",
    "grep",
    "cat",
    "cut",
    "sort",
    "tr",
    "sha256sum",
    "flock",
    "rm",
    "ls",
)
ALL_SHOWN = ("ssh", "systemd-nspawn", "mmdebstrap", "nft", "ip", "qemu-system-x86_64", "mke2fs", "shellcheck")


class Machine:
    """A machine with a checkout, a home folder, and only the programs that a test puts there."""

    def __init__(self, folder: Path):
        self.home, self.bin, self.checkout = folder / "home", folder / "bin", folder / "checkout"
        for made in (self.home, self.bin, self.checkout / "kijun"):
            made.mkdir(parents=True)
        shutil.copytree(ROOT / "bin", self.checkout / "bin")
        shutil.copy(ROOT / "kijun/system_packages.tsv", self.checkout / "kijun")
        for name in ("requirements.lock", "pyproject.toml"):
            (self.checkout / name).write_text(f"{name}\n", encoding="utf-8")
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))

    def program(self, path, script):
        """Put a pretended program at `path` (below bin/ where it is only a name)."""
        path = self.bin / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    def python(self, path, version, makes_venv=True):
        """Put a pretended Python there: it answers as `version`, and its .venv and pip only take notes."""
        major, minor = version
        venv = "mkdir" if makes_venv else "false"
        return self.program(
            path,
            f"""case "$*" in
                -) exec {sys.executable} - ;;
                "- "*) exec {sys.executable} -c "
import sys
sys.version_info = ({major}, {minor}, 0, 'final', 0)
code = sys.stdin.read()
exec(code)" "$2" ;;
                *ensurepip*) {"exit 0" if makes_venv else "exit 1"} ;;
                *"%d.%d"*) echo {major}.{minor} ;;
                -V) echo Python {major}.{minor}.0 ;;
                "-m venv "*)
                    /bin/{venv} -p "$3/bin" && /bin/cp "$0" "$3/bin/python" && echo venv >>"$HOME/done" ;;
                "-m pip install"*requirements.lock) echo lock >>"$HOME/done"; [ ! -e "$HOME/no-network" ] ;;
                "-m pip install"*) echo project >>"$HOME/done" ;;
            esac""",
        )

    def shows(self, *names):
        for name in names:
            self.program(name, "exit 0")

    def run(self, script, *arguments, **environment):
        """Run one of the checkout's scripts there."""
        variables = {"PATH": str(self.bin), "HOME": str(self.home), "PYENV_ROOT": str(self.home / ".pyenv")}
        return subprocess.run(
            [str(self.checkout / "bin" / script), *arguments],
            env={**variables, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def done(self):
        """What was installed, in order."""
        file = self.home / "done"
        return file.read_text(encoding="utf-8").split() if file.exists() else []


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_the_newest_tested_python_wins_wherever_it_is(machine):
    machine.python("python3", (3, 12))
    machine.python("python3.12", (3, 12))
    found = machine.python(machine.home / ".pyenv/versions/3.13.1/bin/python3", (3, 13))
    assert machine.run("find-python").stdout.strip() == str(found)


@pytest.mark.parametrize(
    "place",
    [
        ".pyenv/versions/3.13.9/bin/python3",
        ".local/share/uv/python/cpython-3.13.1-linux-x86_64-gnu/bin/python3",
    ],
)
def test_pythons_outside_path_are_found(machine, place):
    machine.python("python3", (3, 11))
    found = machine.python(machine.home / place, (3, 13))
    assert machine.run("find-python").stdout.strip() == str(found)


def test_a_shim_that_does_not_run_is_passed_over(machine):
    machine.program("python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    found = machine.python("python3.12", (3, 12))
    assert machine.run("find-python").stdout.strip() == str(found)


def test_a_newer_python_than_was_tested_is_better_than_none(machine):
    found = machine.python("python3", (3, 15))
    assert machine.run("find-python").stdout.strip() == str(found)


def test_one_series_can_be_asked_for(machine):
    machine.python("python3.13", (3, 13))
    found = machine.python("python3.12", (3, 12))
    assert machine.run("find-python", "3.12").stdout.strip() == str(found)
    assert machine.run("find-python", "3.14").returncode == 1


def test_the_operators_choice_wins(machine):
    machine.python("python3.13", (3, 13))
    chosen = machine.python(machine.home / "mine", (3, 12))
    assert machine.run("find-python", KIJUN_PYTHON=str(chosen)).stdout.strip() == str(chosen)


def test_an_operators_choice_that_is_too_old_is_refused(machine):
    machine.shows(*ALL_SHOWN)
    machine.python("python3.13", (3, 13))
    old = machine.python(machine.home / "old", (3, 11))
    result = machine.run("setup", KIJUN_PYTHON=str(old))
    assert (result.returncode, machine.done) == (3, [])
    assert result.stderr == f"kijun set-up: KIJUN_PYTHON={old} is not a Python 3.12 or newer.\n"


def test_without_a_python_one_sentence_says_so_and_nothing_is_installed(machine):
    machine.python("python3", (3, 11))
    machine.program("apt-get", f"echo apt >>{machine.home}/done")
    machine.program("apt-cache", "echo '  Candidate: 3.11.2-1+b1'")
    result = machine.run("setup", "targets")
    assert (result.returncode, machine.done) == (3, [])
    assert result.stderr.startswith("kijun set-up: no Python 3.12 or newer was found; ")
    assert result.stderr.count("\n") == 1


def test_everything_is_made_once_and_the_second_call_does_nothing(machine):
    machine.shows("ssh")
    machine.python("python3.13", (3, 13))
    assert machine.run("setup").returncode == 0
    assert machine.done == ["venv", "lock", "project"]
    again = machine.run("setup")
    assert (again.returncode, again.stderr) == (0, "")
    assert machine.done == ["venv", "lock", "project"]


@pytest.mark.parametrize(
    ("changed", "done"),
    [("requirements.lock", ["venv", "lock", "project"]), ("pyproject.toml", ["project"])],
)
def test_what_changed_is_installed_again(machine, changed, done):
    machine.shows("ssh")
    machine.python("python3.13", (3, 13))
    machine.run("setup")
    (machine.checkout / changed).write_text("changed\n", encoding="utf-8")
    assert machine.run("setup").returncode == 0
    assert machine.done == ["venv", "lock", "project", *done]


def test_an_interrupted_set_up_is_begun_anew(machine):
    machine.shows("ssh")
    machine.python("python3.13", (3, 13))
    (machine.home / "no-network").touch()
    failed = machine.run("setup")
    assert failed.returncode == 3
    assert "pip could not install requirements.lock" in failed.stderr
    (machine.checkout / ".venv/half").touch()
    (machine.home / "no-network").unlink()
    assert machine.run("setup").returncode == 0
    assert not (machine.checkout / ".venv/half").exists()
    assert machine.done == ["venv", "lock", "venv", "lock", "project"]


def test_a_checkout_that_was_moved_is_set_up_again(machine):
    machine.shows("ssh")
    machine.python("python3.13", (3, 13))
    machine.run("setup")
    machine.checkout = machine.checkout.rename(machine.home / "elsewhere")
    assert machine.run("setup").returncode == 0
    assert machine.done == ["venv", "lock", "project"] * 2


def pretend_uid(machine, uid):
    machine.program("id", f"echo {uid}")


def test_missing_programs_are_named_with_their_reason_and_installed_by_root(machine):
    machine.python("python3.13", (3, 13))
    pretend_uid(machine, 0)
    copy = f"/bin/cp {machine.bin}/id {machine.bin}"
    installs = f"case $* in *install*) {copy}/ssh; {copy}/shellcheck ;; esac"
    machine.program("apt-get", f'echo "$*" >>{machine.home}/apt; {installs}')
    result = machine.run("setup", "lint")
    assert result.returncode == 0, result.stderr
    assert "openssh-client (connections to hosts)" in result.stderr
    assert "shellcheck (checks the shell scripts)" in result.stderr
    asked = (machine.home / "apt").read_text(encoding="utf-8").splitlines()
    assert [line.split()[4:] for line in asked] == [
        ["update"],
        ["install", "--no-install-recommends", "openssh-client", "shellcheck"],
    ]


def test_without_root_the_command_is_said(machine):
    machine.python("python3.13", (3, 13))
    pretend_uid(machine, 1000)
    machine.program("apt-get", "exit 1")
    result = machine.run("setup")
    assert (result.returncode, machine.done) == (3, [])
    assert result.stderr.endswith(
        "run as root: apt-get update && apt-get install --no-install-recommends openssh-client\n"
    )


def test_with_sudo_it_is_used(machine):
    machine.python("python3.13", (3, 13))
    pretend_uid(machine, 1000)
    works = f'echo "$*" >>{machine.home}/sudo; /bin/cp "$0" {machine.bin}/ssh'
    machine.program("sudo", f'[ "$*" = "-n true" ] || {{ {works}; }}')
    machine.program("apt-get", "exit 1")
    assert machine.run("setup").returncode == 0
    assert "apt-get" in (machine.home / "sudo").read_text(encoding="utf-8")


def test_what_apt_says_is_shown_when_it_fails(machine):
    machine.python("python3.13", (3, 13))
    pretend_uid(machine, 0)
    machine.program("apt-get", "echo 'E: Unable to locate package'; exit 100")
    result = machine.run("setup")
    assert result.returncode == 3
    assert "E: Unable to locate package" in result.stderr


def test_a_machine_without_apt_is_told_what_to_install(machine):
    machine.python("python3.13", (3, 13))
    result = machine.run("setup")
    assert result.returncode == 3
    assert "no apt-get; install what Debian calls: openssh-client" in result.stderr


def test_a_python_without_venv_gets_its_package(machine):
    machine.shows("ssh")
    machine.python("python3.13", (3, 13), makes_venv=False)
    pretend_uid(machine, 0)
    machine.program("apt-get", f'echo "$*" >>{machine.home}/apt')
    machine.run("setup")
    assert "python3.13-venv" in (machine.home / "apt").read_text(encoding="utf-8")


def test_an_unknown_group_is_refused(machine):
    result = machine.run("setup", "everything")
    assert result.returncode == 3
    assert "no group 'everything'" in result.stderr


def test_the_environment_of_another_python_does_not_disturb(machine):
    machine.shows("ssh")
    machine.python("python3.13", (3, 13))
    assert machine.run("setup", PYTHONHOME="/nowhere", PYTHONPATH=os.devnull).returncode == 0


def test_as_root_runs_it_as_it_is_where_that_is_root(machine):
    pretend_uid(machine, 0)
    machine.program("sudo", "echo sudo")
    assert machine.run("as-root", "id").stdout == "0\n"


def test_as_root_uses_sudo_and_says_why(machine):
    pretend_uid(machine, 1000)
    machine.program("sudo", 'echo "$*"')
    result = machine.run("as-root", "kijun", "demo", "--keep")
    assert result.stdout.endswith("env PYTHONDONTWRITEBYTECODE=1 kijun demo --keep\n")
    assert "disposable hosts need root" in result.stderr


def test_as_root_without_sudo_says_what_to_do(machine):
    pretend_uid(machine, 1000)
    result = machine.run("as-root", "kijun", "demo")
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.endswith("run this as root: kijun demo\n")


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_booted_tests_without_root_are_said_not_to_have_run(machine, ci, code):
    pretend_uid(machine, 1000)
    result = machine.run("booted-tests", CI=ci)
    assert result.returncode == code
    assert result.stderr == (
        "NOT RUN: the tests on booted hosts need root; run them with: sudo make booted\n"
    )
