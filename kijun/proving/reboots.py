"""Rebooting the host under proof, and watching from outside what answers on its way up."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kijun.proving.users import Runner

PATIENCE = 240.0
# A container shares its host's boot id; when its own systemd started is no less a sign.
_BOOT = (
    "cat /proc/sys/kernel/random/boot_id; systemctl show -P UserspaceTimestampMonotonic; "
    "test ! -e /run/nologin"
)


def reboot(host: Runner) -> None:
    """Reboot and return when users can log in again; TimeoutError where they cannot in time."""
    before = host.check_output(_BOOT)
    host.run("systemd-run --quiet --on-active=1 systemctl reboot")
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        time.sleep(1)
        try:
            done = host.run(_BOOT)
        except RuntimeError:  # the connection went with the host
            continue
        if getattr(done, "rc", 1) == 0 and getattr(done, "stdout", "").strip() != before.strip():
            return
    raise TimeoutError(f"the host did not come back within {PATIENCE:.0f} s")


@contextmanager
def watched(addresses: list[str], port: int) -> Iterator[list[str]]:
    """Try `port` at each address, many times a second, for the length of the block; yield what answered."""
    answered: list[str] = []
    over = threading.Event()

    def watch(address: str) -> None:
        while not over.wait(0.03):
            try:
                with socket.create_connection((address, port), timeout=0.3):
                    answered.append(f"{address} connected")
            except ConnectionRefusedError:
                answered.append(f"{address} refused")
            except OSError:
                continue

    threads = [threading.Thread(target=watch, args=(address,), daemon=True) for address in addresses]
    for thread in threads:
        thread.start()
    try:
        yield answered
    finally:
        over.set()
        for thread in threads:
            thread.join()
