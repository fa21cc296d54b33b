"""Many hosts from one: a target with hundreds of addresses, each of which an inventory takes for a host."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kijun.targets import Target

_NETWORK = "198.18.77"  # RFC 2544: set aside for benchmarks
_SSHD = "MaxStartups 1000\nMaxSessions 100\n"


@contextmanager
def crowd(target: Target, size: int, folder: Path) -> Iterator[list[str]]:
    """Give `target` `size` addresses and `folder` a known_hosts file; take the route away at the end."""
    addresses = [f"{_NETWORK}.{number}" for number in range(1, size + 1)]
    added = "".join(f"ip address add {address}/32 dev $dev\n" for address in addresses)
    target.run(
        "sh -s",
        stdin=f"set -e\ndev=$(ip -o route get {target.address} from {target.address} >/dev/null 2>&1; "
        f"ip -o -4 address | awk '$4 ~ \"^{target.address}/\" {{print $2; exit}}')\n{added}"
        f"printf '{_SSHD}' > /etc/ssh/sshd_config.d/00-bench.conf\nsystemctl reload ssh\n",
    )
    known = next(line for line in target.known_hosts.read_text().splitlines() if target.address in line)
    _, key = known.split(" ", 1)
    (folder / "known_hosts").write_text("".join(f"{address} {key}\n" for address in addresses))
    route = [f"{_NETWORK}.0/24", "via", target.address]
    subprocess.run(["ip", "route", "add", *route], check=True)
    try:
        yield addresses
    finally:
        subprocess.run(["ip", "route", "del", *route], check=False)


def inventory(target: Target, addresses: list[str], folder: Path) -> Path:
    """Write an inventory of `addresses` and return it."""
    variables = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(target.key),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={folder / 'known_hosts'}",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    path = folder / f"hosts{len(addresses)}.yml"
    path.write_text(json.dumps({"all": {"hosts": {address: {} for address in addresses}, "vars": variables}}))
    return path
