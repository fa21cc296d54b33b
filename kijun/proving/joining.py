"""How a host's own programs join a network with the profile that they know, one name at a time.

wpa_supplicant is started anew, on a radio of its own, with the profile's lines; a NetworkManager that runs is
told to join with a copy of its profile that it keeps in memory only. Nothing that the host uses is touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from testinfra.host import Host

from kijun.proving.radios import FOLDER, NoRadioError, Station, spare_radios
from kijun.proving.twins import CHANNEL, FREQUENCY, LINES, Profile

COPY = "kijun-proof"
_UNMANAGED = "10"  # a device's state (nmcli(1))
AUTHORITY = f"{FOLDER}/ca.pem"


class Joiner(Protocol):
    """What tries to join a twin with a profile."""

    def joins(self, profile: Profile, seconds: float, *, trusting: bool = False) -> bool:
        """Tell whether `profile` gets in within `seconds`; `trusting` our authority instead of its own."""


@dataclass(frozen=True)
class Supplicant:
    """wpa_supplicant on a station's radio."""

    station: Station

    def joins(self, profile: Profile, seconds: float, *, trusting: bool = False) -> bool:
        """See `Joiner`."""
        # The kernel remembers what was heard on other frequencies: it is not to be joined either.
        more = f"disabled=0\nscan_ssid=1\nscan_freq={FREQUENCY}\nfreq_list={FREQUENCY}"
        dropped = "disabled scan_ssid scan_freq freq_list bssid"
        if trusting:
            more, dropped = f'{more}\nca_cert="{AUTHORITY}"', f"{dropped} ca_cert ca_path"
        self.station.host.check_output(
            "sh -c %s sh %s %s %s %s %s",
            COPYING.replace("@SPACE@", self.station.space),
            "supplicant",
            str(profile.number),
            profile.file.path,
            f" {dropped} ",
            more,
        )
        return self.station.associates(seconds)[0]


COPYING = (
    LINES
    + rf"""umask 077
mkdir -p {FOLDER}
{{
echo 'ctrl_interface={FOLDER}/@SPACE@'
grep -E '^(pmf|sae_pwe|sae_groups)=' "$3"
echo 'network={{'
kijun_lines "$1" "$2" "$3" | awk -v dropped="$4" '
{{name = $0; sub(/[ \t]*=.*/, "", name)}} !index(dropped, " " name " ")'
printf '%s\n}}\n' "$5"
}} >{FOLDER}/@SPACE@.conf"""
)


@dataclass(frozen=True)
class Manager:
    """NetworkManager with a radio that nobody uses."""

    host: Host
    interface: str

    def joins(self, profile: Profile, seconds: float, *, trusting: bool = False) -> bool:
        """See `Joiner`; AssertionError where NetworkManager does not know the profile."""
        uuid = loaded(self.host).get(profile.file.path)
        assert uuid, f"NetworkManager has not loaded {profile.file.path}"
        settings = ["connection.autoconnect", "no", "connection.interface-name", ""]
        settings += ["wifi.bssid", "", "wifi.band", "bg", "wifi.channel", str(CHANNEL)]
        settings += ["ipv4.method", "disabled", "ipv6.method", "disabled"]
        settings += ["802-1x.ca-cert", AUTHORITY, "802-1x.system-ca-certs", "no"] if trusting else []
        words = " ".join(["%s"] * len(settings))
        self.forget()
        try:
            self.host.check_output("nmcli connection clone --temporary uuid %s %s", uuid, COPY)
            self.host.check_output(f"nmcli connection modify --temporary %s {words}", COPY, *settings)
            up = "nmcli --wait %s connection up id %s ifname %s"
            return bool(self.host.run(up, f"{seconds:.0f}", COPY, self.interface).rc == 0)
        finally:
            self.forget()

    def forget(self) -> None:
        """Have NetworkManager forget the copy, also one of a proof that was interrupted."""
        self.host.run("nmcli --wait 10 connection delete id %s", COPY)


def loaded(host: Host) -> dict[str, str]:
    """Return the profiles that a running NetworkManager knows: by file, its UUID. Empty where none runs."""
    done = host.run("nmcli --terse --escape no --fields UUID,FILENAME connection show")
    lines = [line.partition(":") for line in str(done.stdout).splitlines()] if done.rc == 0 else []
    return {path: uuid for uuid, _, path in lines}


@contextmanager
def manager(host: Host) -> Iterator[Manager]:
    """Have NetworkManager manage a radio that nobody uses, for the length of a `with`.

    Raises NoRadioError where it does not run, or no radio is left.
    """
    if "running" not in str(host.run("nmcli --terse --fields RUNNING general").stdout).split():
        raise NoRadioError("NetworkManager does not run")
    spare = [name for _, name in spare_radios(host)]
    if not spare:
        raise NoRadioError("no radio is left for NetworkManager")
    made = Manager(host, spare[-1])  # one that it manages, if one is left
    state = "nmcli --get-values GENERAL.STATE device show %s"
    before = str(host.run(state, made.interface).stdout)
    try:
        host.check_output("nmcli device set %s managed yes", made.interface)
        host.check_output("nmcli device set %s autoconnect no", made.interface)
        if str(host.run(state, made.interface).stdout).startswith(_UNMANAGED):
            raise NoRadioError(f"NetworkManager is told to leave {made.interface} alone")
        yield made
    finally:
        made.forget()
        host.run("nmcli device disconnect %s", made.interface)
        if before.startswith(_UNMANAGED):
            host.run("nmcli device set %s managed no", made.interface)
        else:
            host.run("nmcli device set %s autoconnect yes", made.interface)
