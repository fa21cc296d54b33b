"""Measure `kijun check` against the OpenSSH fan-out and `ansible-playbook --check`; a table and a JSON file.

It asserts nothing: a shared machine's times are for reading side by side, not for gates.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.crowd import crowd, inventory
from kijun.paths import data_root
from kijun.reading.script import compile_reads
from kijun.targets import Target, disposable
from kijun.topics import all_topics

_REPEATS = {1: 5, 10: 3}  # the median of so many runs; short runs are noisy
_ANSIBLE_HOSTS = (1, 10)
_BIN = Path(sys.executable).parent
_COLUMNS = ("what", "hosts", "wall s", "controller CPU s/host", "peak MB", "result")


def main() -> None:
    """Make a target, measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--hosts", default="1,10,50,200", help="how many addresses, at most 250; comma separated"
    )
    parser.add_argument("--release", default="bookworm")
    parser.add_argument("--json", type=Path, default=Path("reports/bench.json"), help="where the figures go")
    parser.add_argument("--no-ansible", action="store_true", help="leave out ansible-playbook --check")
    options = parser.parse_args()
    sizes = sorted({int(size) for size in options.hosts.split(",")})
    rows: list[dict[str, Any]] = []
    with (
        tempfile.TemporaryDirectory(prefix="kijun-bench-") as scratch,
        disposable("bench", release=options.release, say=_say) as target,
        crowd(target, max(*sizes, *_ANSIBLE_HOSTS), Path(scratch)) as addresses,
    ):
        folder = Path(scratch)
        script = folder / "script.sh"
        script.write_text(compile_reads(all_topics().values()).text)
        host_cpu = _host_cpu(target, script)
        _print(_COLUMNS)
        for size in sizes:
            hosts = inventory(target, addresses[:size], folder)
            # In turn, so that a busy moment of the machine does not fall on one of them alone.
            rounds = [
                [measure(target, hosts, addresses[:size], folder) for measure in (_check, _reading, _openssh)]
                for _ in range(_REPEATS.get(size, 1))
            ]
            for runs in zip(*rounds, strict=True):
                rows.append(_shown(sorted(runs, key=lambda run: run["wall"])[len(runs) // 2], size))
        for size in () if options.no_ansible else _ANSIBLE_HOSTS:
            rows.append(_shown(_ansible(inventory(target, addresses[:size], folder)), size))
    print(f"\none run of the script costs the host {host_cpu:.3f} s of CPU")
    _compare(rows)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"host_cpu_per_read": host_cpu, "rows": rows}, indent=1) + "\n")
    print(f"written to {options.json}")


def _check(_target: Target, hosts: Path, addresses: list[str], folder: Path) -> dict[str, Any]:
    report = folder / "report.json"
    row = _timed([_BIN / "kijun", "check", "-i", hosts, "--format", "json", "--output", report], folder)
    summary = json.loads(report.read_text())["summary"]["hosts"]
    return {**row, "what": "kijun check, whole", "result": f"{summary['collected']} of {len(addresses)} read"}


def _reading(_target: Target, hosts: Path, addresses: list[str], _folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.reading", hosts], capture_output=True, text=True, check=True
    )
    figures = json.loads(done.stdout)
    return {
        "what": "reading only",
        "wall": figures["wall"],
        "cpu": figures["cpu"],
        "peak_mb": figures["peak_mb"],
        "result": f"{figures['collected']} of {len(addresses)} read",
    }


def _openssh(target: Target, _hosts: Path, addresses: list[str], folder: Path) -> dict[str, Any]:
    """The same script with the same parallelism, and nothing parsed."""
    options = f"-o BatchMode=yes -o UserKnownHostsFile={folder / 'known_hosts'} -i {target.key}"
    out = folder / "out"
    out.mkdir(exist_ok=True)
    (folder / "addresses").write_text("\n".join(addresses) + "\n")
    line = f"ssh {options} root@{{}} sh -s < {folder / 'script.sh'} > {out}/{{}}"
    command = f"xargs -P10 -I{{}} sh -c {shlex.quote(line)} < {folder / 'addresses'}"
    row = _timed(["sh", "-c", command], folder)
    whole = sum(b" stop\n" in (out / address).read_bytes() for address in addresses)
    return {**row, "what": "xargs -P10 ssh", "result": f"{whole} of {len(addresses)} read"}


def _ansible(hosts: Path) -> dict[str, Any]:
    playbook = data_root() / "playbooks" / "site.yml"
    row = _timed([_BIN / "ansible-playbook", "-i", hosts, playbook, "--check"], data_root())
    return {**row, "what": "ansible-playbook --check", "result": f"exit {row.pop('rc')}"}


def _timed(command: list[Any], folder: Path) -> dict[str, Any]:
    """Run `command` and return its wall time, and CPU and peak memory over all its processes."""
    begun = time.monotonic()
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "wall": time.monotonic() - begun,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
        "rc": process.returncode,
    }


def _host_cpu(target: Target, script: Path, runs: int = 10) -> float:
    """Return the seconds of the host's CPU that one run of the script takes, sshd not counted."""
    text = script.read_text()
    loop = f"for i in $(seq {runs}); do sh -s <<'BENCH' >/dev/null\n{text}\nBENCH\ndone\n"
    said = target.run("bash -s", stdin=f"TIMEFORMAT='%U %S'\ntime {{ {loop}}}\n").stderr.split()
    return (float(said[-2]) + float(said[-1])) / runs


def _print(cells: Sequence[str]) -> None:
    widths = [max(len(title), 24 if title == "what" else 8) for title in _COLUMNS]
    print(
        "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip(), flush=True
    )


def _shown(row: dict[str, Any], hosts: int) -> dict[str, Any]:
    figures = (f"{row['wall']:.2f}", f"{row['cpu'] / hosts:.3f}", f"{row['peak_mb']:.0f}")
    _print((row["what"], str(hosts), *figures, row["result"]))
    return {**row, "hosts": hosts}


def _compare(rows: list[dict[str, Any]]) -> None:
    wall = {(row["what"], row["hosts"]): row["wall"] for row in rows}
    for (what, hosts), seconds in wall.items():
        if what == "xargs -P10 ssh":
            ratio = seconds / wall["reading only", hosts]
            print(f"{hosts} hosts: reading is {ratio:.2f} times as fast as the OpenSSH fan-out")
        if what == "ansible-playbook --check" and ("kijun check, whole", hosts) in wall:
            whole = seconds / wall["kijun check, whole", hosts]
            alone = seconds / wall["reading only", hosts]
            print(
                f"{hosts} hosts: kijun check is {whole:.0f} times as fast as ansible-playbook --check"
                f" ({alone:.0f} times without start-up)"
            )


def _say(text: str) -> None:
    print(text, file=sys.stderr)


main()
