"""Runs of the site playbook that are cut short, and what of a host is compared before and after."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from kijun.targets import Target

ROOT = Path(__file__).parents[2]
MINUTES = 0.3  # until a host puts itself back
SILENCE = 30  # seconds without a sign of life after which a slow run counts as gone
# As in ansible.cfg, but a cut link is noticed sooner.
SSH = "-o ControlMaster=auto -o ControlPersist=600s -o ServerAliveInterval=2 -o ServerAliveCountMax=5"
_LOOK = r"""
find /etc /usr/local /usr/share/pam-configs /var/lib/kijun /var/lib/pam /var/lib/faillock \
    -path /var/lib/kijun/guard -prune -o -path /etc/ld.so.cache -prune -o \
    \( -type f -printf '%p\tfile %m %U:%G ' -exec md5sum -z {} \; -printf '\n' \) -o \
    -printf '%p\t%y %m %U:%G %l\n' 2>/dev/null | tr '\0' ' '
systemctl list-units --all --no-legend --plain --type=service,socket,timer |
    awk '$1 !~ /^(kijun-guard|systemd-|user|apt-|dpkg-|man-db|e2scrub|fstrim|logrotate|ldconfig)/ {
        print "unit " $1 "\t" $3}'
systemctl list-unit-files --no-legend --plain --type=service,socket,timer |
    awk '$1 !~ /^kijun-guard/ {print "unit file " $1 "\t" $2}'
command -v nft >/dev/null && nft -s list ruleset | awk '{print "nft " NR "\t" $0}'
true
"""


def fingerprint(target: Target) -> dict[str, str]:
    """Return what is at every path where kijun's roles write, and what runs, by name."""
    lines = target.run("sh", "-c", _LOOK).stdout.splitlines()
    return dict(line.split("\t", 1) for line in lines if "\t" in line)


def packages(target: Target) -> set[str]:
    """Return the packages that are installed."""
    listed = "dpkg-query -W -f '${db:Status-Abbrev}${Package}\\n' | sed -n 's/^ii //p'"
    return set(target.run(listed).stdout.split())


def differences(target: Target, before: dict[str, str], installed: set[str]) -> dict[str, tuple[str, str]]:
    """Return what differs from `before`, but for what belongs to packages that came since `installed`."""
    now = fingerprint(target)
    came = sorted(packages(target) - installed)
    owned = set(target.run("dpkg", "-L", *came).stdout.split()) if came else set()
    units = {f"unit {Path(path).name}" for path in owned} | {f"unit file {Path(path).name}" for path in owned}
    names = before.keys() | now.keys()
    return {
        name: (before.get(name, "-"), now.get(name, "-"))
        for name in sorted(names)
        if before.get(name) != now.get(name) and name not in owned | units | {"/var/lib/kijun"}
    }


@dataclass
class Run:
    """One run of the site playbook on one host."""

    target: Target
    folder: Path
    arguments: tuple[str, ...] = ()
    at: int = 0  # the task before which something happens; 0: nothing does
    do: str = "wait"  # or kill
    minutes: float = MINUTES
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> Run:
        """Start it and return at once."""
        self.folder.mkdir(parents=True)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "kijun_boundary",
            "ANSIBLE_SSH_ARGS": SSH,
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"),
            "ANSIBLE_TIMEOUT": "10",
            "KIJUN_CHAOS_FOLDER": str(self.folder),
            "KIJUN_CHAOS_AT": str(self.at),
            "KIJUN_CHAOS_DO": self.do,
        }
        argv = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(self.target.inventory)]
        argv += ["playbooks/site.yml", "--limit", self.target.name, *self.arguments]
        argv += ["-e", f"change_guard_minutes={self.minutes}"]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                argv, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    def until_reached(self) -> bool:
        """Wait until the run stands at its boundary; False where it ended before."""
        assert self.process
        while not (self.folder / "reached").exists():
            if self.process.poll() is not None:
                return False
            time.sleep(0.1)
        return True

    def go_on(self) -> None:
        """Let a run that waits go on."""
        (self.folder / "go").touch()

    def ended(self) -> int:
        """Return its exit status once it has ended."""
        assert self.process
        return self.process.wait(timeout=900)

    def die(self) -> None:
        """Have everything of it on this machine end: also the connections that outlive Ansible."""
        assert self.process
        self.process.kill()
        self.process.wait()
        for socket in (self.folder / "cp").glob("*"):
            subprocess.run(
                ["ssh", "-S", socket, "-O", "exit", "kijun-chaos"], capture_output=True, check=False
            )

    @property
    def log(self) -> str:
        """What it printed."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    @property
    def tasks(self) -> list[str]:
        """The tasks that it began, in order."""
        lines = (self.folder / "tasks").read_text(encoding="utf-8").splitlines()
        return [line.split(" ", 1)[1] for line in lines]


def cable(target: Target) -> str:
    """Return this machine's end of a target's link."""
    index = target.run("cat /sys/class/net/host0/iflink").stdout.strip()
    listed = json.loads(subprocess.run(["ip", "-j", "link"], capture_output=True, check=True).stdout)
    return str(next(link["ifname"] for link in listed if str(link["ifindex"]) == index))


def plug(link: str, way: str) -> None:
    """Cut a link (`down`) or mend it (`up`)."""
    subprocess.run(["ip", "link", "set", link, way], check=True)


def is_armed(target: Target) -> bool:
    """Say whether a host waits for a confirmation."""
    return target.run("test -e /var/lib/kijun/guard/armed.json", check=False).returncode == 0


def wait_until_calm(target: Target, limit: float = 180) -> None:
    """Wait until a host answers and nothing is armed on it."""
    end = time.monotonic() + limit
    while not target.answers() or is_armed(target):
        assert time.monotonic() < end, f"{target.name} is still armed, or does not answer"
        time.sleep(1)


def journal(target: Target) -> str:
    """Return what the guard said in a host's journal."""
    return target.run("journalctl --no-pager -q -t kijun-guard").stdout
