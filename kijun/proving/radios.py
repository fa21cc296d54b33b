"""Radios of a host that nobody uses, as stations of their own, to try what an access point takes.

Each spare radio moves into a network namespace: it then shares nothing with the access point but the air.
Passphrases stay on the host: a station's configuration is written there, from the access point's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from testinfra.host import Host

FOLDER = "/run/kijun-wireless"
PATIENCE = 40.0  # seconds for a station that is to get in, also on an emulated machine
REFUSED_AFTER = 12.0  # seconds for one that is not to
PREFIX = "kijun-radio"
_UNMANAGED = "unmanaged"


class NoRadioError(Exception):
    """The host has not the radios, or the programs, that a proof needs; says which."""


@dataclass(frozen=True)
class Point:
    """An access point that is on the air."""

    interface: str
    address: str  # its BSSID
    ssid: str
    frequency: int


@dataclass(frozen=True)
class Station:
    """A spare radio in a namespace of its own."""

    host: Host
    space: str
    interface: str

    def run(self, command: str) -> str:
        """Run a shell command in the namespace and return what it printed; it may fail."""
        return str(self.host.run("ip netns exec %s sh -c %s", self.space, command).stdout)

    def hears(self, point: Point) -> str:
        """Return what a scan says of `point`, "" where it is not heard."""
        for _ in range(3):
            heard = self.run(f"iw dev {self.interface} scan freq {point.frequency} flush")
            for part in re.split(r"^(?=BSS )", heard, flags=re.MULTILINE):
                if part.startswith(f"BSS {point.address}"):
                    return part
        return ""

    def tries(self, settings: str, seconds: float) -> tuple[bool, float]:
        """Try to get in with a network of these `settings`; return whether it did, and after how long.

        `@PHRASE@` in the settings stands for the access point's passphrase, which the host puts in. Raises
        AssertionError where the station did not even begin: nothing would be shown then.
        """
        settings = settings.replace("@FOLDER@", f"{FOLDER}/{self.space}")
        self.host.check_output(_WRITE, settings, self.space)
        return self.associates(seconds)

    def associates(self, seconds: float) -> tuple[bool, float]:
        """Try to get in with the configuration that lies on the host, as `tries` does."""
        words = (self.space, self.interface, str(round(seconds)))
        done = self.host.run("ip netns exec %s sh -c %s sh %s %s %s", self.space, _ASSOCIATE, *words)
        ended = re.search(r"^(in|out) ([0-9]+)$", str(done.stdout), re.MULTILINE)
        assert ended, f"the station did not start: {str(done.stdout)[-200:]}"
        return ended[1] == "in", float(ended[2])


# All of an attempt in one command: on an emulated machine every login costs a second of it.
_ASSOCIATE = f"""pid={FOLDER}/$1.pid
now() {{ cut -d. -f1 /proc/uptime; }}
wpa_supplicant -B -Dnl80211 -i"$2" -c{FOLDER}/$1.conf -P$pid 2>&1 || exit 1
began=$(now) state=out
until test -s $pid; do test $(($(now) - began)) -lt 5 || exit 1; sleep 0.1; done
while test $(($(now) - began)) -lt $3; do
case $(wpa_cli -p {FOLDER}/$1 -i "$2" status 2>&1) in *wpa_state=COMPLETED*) state=in; break ;; esac
sleep 0.5
done
kill $(cat $pid)
while kill -0 $(cat $pid); do sleep 0.1; done 2>/dev/null
echo $state $(($(now) - began))"""
# The passphrase goes from one file of root's into another.
_WRITE = f"""umask 077
printf '%%s\\n' %s | PHRASE=$(cat {FOLDER}/phrase) awk '
(at = index($0, "@PHRASE@")) {{$0 = substr($0, 1, at - 1) ENVIRON["PHRASE"] substr($0, at + 8)}}
{{print}}' >{FOLDER}/%s.conf"""
_PHRASE = rf"""umask 077
mkdir -p {FOLDER}
awk -v wanted=%s '
/^bss=/ {{done()}}
/^ssid=/ {{ssid = substr($0, 6)}}
/^wpa_passphrase=/ && key == "" {{key = substr($0, 16)}}
/^sae_password=/ {{key = substr($0, 14)}}
/^sae_password=/ && match(key, /\|(mac|vlanid|pk|id)=/) {{key = substr(key, 1, RSTART - 1)}}
function done() {{if (ssid == wanted && key != "") found = key; key = ""}}
END {{done(); printf "%%s", found}}' %s >{FOLDER}/phrase
test -s {FOLDER}/phrase"""


def points(host: Host) -> list[Point]:
    """Return the access points that are on the air."""
    found = []
    for part in re.split(r"^\s*Interface ", str(host.run("iw dev").stdout), flags=re.MULTILINE)[1:]:
        fields = [re.search(pattern, part) for pattern in (r"addr (\S+)", r"ssid (.+)", r"\((\d+) MHz\)")]
        if "type AP" in part and all(fields):
            address, ssid, frequency = (field[1] for field in fields if field)
            found.append(Point(part.split()[0], address, ssid.strip(), int(frequency)))
    return found


def keep_phrase(host: Host, ssid: str, files: list[str]) -> bool:
    """Keep the passphrase of `ssid` for the stations, on the host; return whether there is one.

    Where there is none (EAP), they try with one that is nobody's.
    """
    if any(host.run(_PHRASE, ssid, path).rc == 0 for path in files):
        return True
    host.check_output("mkdir -p %s && printf kijun-no-passphrase >%s", FOLDER, f"{FOLDER}/phrase")
    return False


@contextmanager
def stations(host: Host, number: int) -> Iterator[list[Station]]:
    """Move `number` spare radios into namespaces; they come back at the end, whatever happens.

    Raises NoRadioError where the host has too few, or not the programs.
    """
    for program in ("iw", "wpa_supplicant", "wpa_cli"):
        if not host.exists(program):
            raise NoRadioError(f"{program} is not installed on the host")
    _sweep(host)
    spare = spare_radios(host)
    if len(spare) < number:
        raise NoRadioError(f"{len(spare)} radios are not in use, and {number} are needed")
    made = [Station(host, f"{PREFIX}{count}", name) for count, (_, name) in enumerate(spare[:number])]
    try:
        for station, (radio, name) in zip(made, spare, strict=False):
            host.check_output("ip netns add %s", station.space)
            host.check_output("ip link set %s down", name)
            host.check_output("iw phy %s set netns name %s", radio, station.space)
            station.run(f"ip link set {name} up")
        yield made
    finally:
        _sweep(host)


def spare_radios(host: Host) -> list[tuple[str, str]]:
    """Return the radios that have one idle interface, with it; those of NetworkManager last."""
    listed = str(host.run("nmcli --terse --fields DEVICE,STATE device").stdout)
    managed = dict(line.rsplit(":", 1) for line in listed.splitlines() if ":" in line)
    found = []
    for part in re.split(r"^phy#", str(host.run("iw dev").stdout), flags=re.MULTILINE)[1:]:
        names = re.findall(r"^\s*Interface (\S+)", part, re.MULTILINE)
        if len(names) == 1 and "type managed" in part and "ssid " not in part:
            found.append((f"phy{part.split()[0]}", names[0]))
    idle = [radio for radio in found if managed.get(radio[1], _UNMANAGED) in (_UNMANAGED, "disconnected")]
    return sorted(idle, key=lambda radio: managed.get(radio[1], _UNMANAGED) != _UNMANAGED)


def _sweep(host: Host) -> None:
    """Remove what a proof made, also one that was interrupted; a radio comes back when its namespace goes."""
    host.run(
        f"for space in $(ip netns list | grep -o '^{PREFIX}[0-9]*'); do "
        f"ip netns pids $space | xargs -r kill; ip netns del $space; done; rm -rf {FOLDER}"
    )
