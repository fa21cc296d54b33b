"""The virtual machine backend: Debian's own kernel booted by QEMU on a copy-on-write disk over the image."""

from __future__ import annotations

import fcntl
import hashlib
import os
import select
import socket
import subprocess
import time
from pathlib import Path

from kijun.paths import cache_dir
from kijun.targets import network
from kijun.targets.plans import Plan
from kijun.targets.seed import Link, initramfs, write
from kijun.targets.tools import run, search_path

TOOLS = ("qemu-system-x86_64", "qemu-img", "mke2fs", "ip", "nft", "ssh", "ssh-keygen")
_USER_NET_DNS = "10.0.2.3"  # QEMU's user network: its own resolver, which asks this machine's
_PROBE_SECONDS = 15.0
MONITOR_LOG = "monitor.log"
_KVM = Path("/dev/kvm")


def mac(machine: str, number: int) -> str:
    """Return the address of interface `number` of `machine`, locally administered and always the same."""
    digest = hashlib.sha256(f"{machine}/{number}".encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (0x52, 0x54, 0x00, *digest[:3]))


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def links(machine: str, address: str, prefix_length: int) -> list[Link]:
    """Return the machine's interfaces: QEMU's user network, and the bridge if it has an `address` there."""
    found = [Link(f"MACAddress={mac(machine, 0)}", ("DHCP=ipv4", f"DNS={_USER_NET_DNS}"))]
    if address:
        lines = (f"Address={address}/{prefix_length}", *network.six_lines(address))
        found.append(Link(f"MACAddress={mac(machine, 1)}", lines))
    return found


def nameservers() -> list[str]:
    """Return the resolver that a machine on QEMU's user network has."""
    return [_USER_NET_DNS]


def argv(machine: str, image: Path, port: int, tap: str, accel: str) -> tuple[str, ...]:
    """Return the command that boots the machine; its serial console is a file, its monitor stdin."""
    command = (
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *_accelerated(accel),
        *("-m", "1024", "-smp", "2", "-device", "virtio-rng-pci"),
        *("-kernel", str(image / "vmlinuz"), "-initrd", "initrd.img"),
        *("-append", "root=/dev/vda rw console=ttyS0 panic=10 loglevel=4"),
        *("-drive", "file=disk.qcow2,if=virtio,cache=unsafe"),
        *("-netdev", f"user,id=n0,hostfwd=tcp:127.0.0.1:{port}-:22,ipv6=off"),
        *("-device", f"virtio-net-pci,netdev=n0,mac={mac(machine, 0)}"),
        *("-chardev", "file,id=serial,path=console.log,append=on", "-serial", "chardev:serial"),
        *("-chardev", "stdio,id=qmp,signal=off", "-mon", "chardev=qmp,mode=control"),
    )
    if tap:
        command += ("-netdev", f"tap,id=n1,ifname={tap},script=no,downscript=no")
        command += ("-device", f"virtio-net-pci,netdev=n1,mac={mac(machine, 1)}")
    return command


def _accelerated(accel: str) -> tuple[str, ...]:
    if accel == "kvm":
        return ("-accel", "kvm", "-cpu", "host")
    return ("-accel", "tcg,thread=multi")


def prepare(plan: Plan) -> None:
    """Make the machine's own disk over the image's, and its initrd with the seed appended."""
    folder, image = Path(plan.folder), Path(plan.image)
    seed = folder / "seed.tar"
    base, disk = str(image / "root.ext4"), str(folder / "disk.qcow2")
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base, disk])
    initrd = (image / "initrd.img").read_bytes()
    padding = b"\0" * (-len(initrd) % 4)  # the kernel wants each archive to begin at a multiple of 4
    write(folder / "initrd.img", initrd + padding + initramfs(seed.read_bytes()))
    seed.unlink()


def rebooted(folder: Path) -> bool:
    """Tell whether QEMU ended because its guest wanted a reboot, by what its monitor said last.

    A fresh QEMU boots it again: after a reset in place, emulated code runs several times slower.
    """
    said = (folder / MONITOR_LOG).read_text(errors="replace")
    shutdowns = [line for line in said.splitlines() if '"SHUTDOWN"' in line]
    return bool(shutdowns) and '"guest-reset"' in shutdowns[-1]


def accelerator(image: Path) -> str:
    """Return `kvm` where a kernel really came up under it on this machine since it booted, else `tcg`.

    /dev/kvm may exist and yet hang, or be refused: only a probe boot tells. Its answer is kept until
    this machine boots again.
    """
    if not os.access(_KVM, os.R_OK | os.W_OK):
        return "tcg"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    memory = cache_dir() / "kvm-probe"
    with memory.open("a+") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        handle.seek(0)
        known = handle.read().split()
        if len(known) == 2 and known[0] == boot and known[1] in {"kvm", "tcg"}:
            return known[1]
        answer = "kvm" if _kernel_comes_up(image) else "tcg"
        handle.truncate(0)
        handle.write(f"{boot} {answer}\n")
    return answer


def _kernel_comes_up(image: Path) -> bool:
    command = [
        *("setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-nodefaults", "-no-user-config"),
        *("-display", "none", *_accelerated("kvm"), "-m", "256", "-no-reboot", "-serial", "stdio"),
        *("-kernel", str(image / "vmlinuz"), "-append", "console=ttyS0 panic=-1"),
    ]
    environment = {**os.environ, "PATH": search_path()}
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as probe:
        assert probe.stdout is not None
        end = time.monotonic() + _PROBE_SECONDS
        seen = b""
        try:
            # Without a root file system a kernel that works ends in this panic, by way of its drivers.
            while b"Unable to mount root fs" not in seen:
                ready, _, _ = select.select([probe.stdout], [], [], max(0.0, end - time.monotonic()))
                chunk = os.read(probe.stdout.fileno(), 65536) if ready else b""
                if not chunk:
                    return False
                seen += chunk
            return True
        finally:
            probe.kill()
