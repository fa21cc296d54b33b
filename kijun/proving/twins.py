"""Twins: access points of our own, of the name of a network that a host knows, on a radio that it spares.

They have the passphrase, or the user and password, of the profile that is tried, as the worst of impostors
would: what keeps a station out is then nothing but its profile. No secret leaves the host. Simulated radios
only (mac80211_hwsim): on the real air, others than the profile that is tried would be lured.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from testinfra.host import Host

from kijun.parsers.wireless import ConfigFile
from kijun.proving.radios import FOLDER, NoRadioError, Station
from kijun.topics._wireless_view import Network

CHANNEL, FREQUENCY = 1, 2412
OTHER_NAME = "kijun-other.invalid"  # RFC 2606: nobody's
_STARTS = 30.0  # seconds, also on an emulated machine

_SECURE = "wpa=2\nrsn_pairwise=CCMP\nieee80211w=2\n"
SAE = f"{_SECURE}wpa_key_mgmt=SAE\nsae_password=@PHRASE@\n"
PSK = f"{_SECURE}wpa_key_mgmt=WPA-PSK WPA-PSK-SHA256\nwpa_passphrase=@PHRASE@\n"
WEAK = (
    "auth_algs=1\n",  # open
    "wpa=1\nwpa_key_mgmt=WPA-PSK\nwpa_pairwise=TKIP\nwpa_passphrase=@PHRASE@\n",
    "wpa=2\nwpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\nieee80211w=0\nwpa_passphrase=@PHRASE@\n",
)
LOGIN = (
    f"{_SECURE}wpa_key_mgmt=WPA-EAP WPA-EAP-SHA256\nieee8021x=1\neap_server=1\n"
    f"eap_user_file={FOLDER}/users\nca_cert={FOLDER}/ca.pem\n"
    f"server_cert={FOLDER}/@SERVER@.pem\nprivate_key={FOLDER}/@SERVER@.key\n"
)


@dataclass(frozen=True)
class Profile:
    """A network that a host knows: its file, and which of the networks in it."""

    file: ConfigFile
    number: int  # from 1; files of other programs than wpa_supplicant have one
    network: Network

    @property
    def label(self) -> str:
        """How a message names it."""
        return f"{self.network.where} ({self.file.kind})"


# The lines of one profile, as `name=value`: of one network of wpa_supplicant's, or of a key file's sections.
LINES = r"""
kijun_lines() {
awk -v kind="$1" -v wanted="$2" '
kind == "supplicant" && /^[ \t]*network=\{/ {inside = ++count == wanted; next}
kind == "supplicant" && /^[ \t]*\}/ {inside = 0; next}
kind != "supplicant" {inside = !/^[ \t]*(\[|#|$)/}
inside {sub(/^[ \t]+/, ""); print}' "$3"
}
kijun_value() {
kijun_lines "$1" "$2" "$3" | awk -v wanted=" $4 " '
{at = index($0, "="); name = substr($0, 1, at - 1); sub(/[ \t]+$/, "", name)}
at && index(wanted, " " name " ") {value = substr($0, at + 1)}
END {if (value ~ /^".*"$/) value = substr(value, 2, length(value) - 2); printf "%s", value}'
}
"""
_PHRASE = (
    LINES
    + rf"""umask 077
mkdir -p {FOLDER}
kijun_value "$1" "$2" "$3" "sae_password psk Passphrase" >{FOLDER}/phrase
test -s {FOLDER}/phrase"""
)
# A user of the server inside the tunnel (hostapd.eap_user); without a password nobody can log in.
_USERS = (
    LINES
    + rf"""umask 077
mkdir -p {FOLDER}
who=$(kijun_value "$1" "$2" "$3" "identity EAP-PEAP-Phase2-Identity EAP-TTLS-Phase2-Identity")
key=$(kijun_value "$1" "$2" "$3" "password EAP-PEAP-Phase2-Password EAP-TTLS-Phase2-Password")
inner=MSCHAPV2,GTC,TTLS-PAP,TTLS-CHAP,TTLS-MSCHAPV2
printf '* PEAP,TTLS\n"%s" %s "%s" [2]\n' "$who" $inner "$key" >{FOLDER}/users
test -n "$who" && test -n "$key" """
)
_NAME = LINES + 'kijun_value "$1" "$2" "$3" "$4"'
_NAMES = {
    "supplicant": "domain_suffix_match domain_match altsubject_match",
    "manager": "domain-suffix-match domain-match altsubject-matches",
    "iwd": "EAP-PEAP-ServerDomainMask EAP-TTLS-ServerDomainMask",
}
# An authority of our own, and two servers that it vouches for: of the name that is wanted, and of another.
_AUTHORITY = rf"""set -e
umask 077
cd {FOLDER}
new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
openssl req -x509 $new -keyout ca.key -out ca.pem -days 2 -subj /CN=kijun-proof
for server in right other; do
name=$1; if [ $server = other ]; then name={OTHER_NAME}; fi
openssl req $new -keyout $server.key -out $server.csr -subj "/CN=$server" -addext "subjectAltName=DNS:$name"
openssl x509 -req -in $server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -copy_extensions copy -days 2 \
-out $server.pem
done"""


def _sh(host: Host, script: str, *words: str) -> str:
    """Run `script` with `words` as $1, $2 …; NoRadioError where it fails."""
    quoted = " ".join(["%s"] * len(words))
    done = host.run(f"sh -c %s sh {quoted}", script, *words)
    if done.rc != 0:
        raise NoRadioError(str(done.stderr).strip()[-200:] or "a step of the preparation failed")
    return str(done.stdout)


def require_simulated(stations: Iterable[Station]) -> None:
    """Raise NoRadioError where twins cannot be put on the air, or not without others hearing them."""
    for station in stations:
        if not station.host.exists("hostapd"):
            raise NoRadioError("hostapd is not installed on the host")
        driver = station.run(f"readlink /sys/class/net/{station.interface}/device/driver")
        if driver.strip().rpartition("/")[2] != "mac80211_hwsim":
            raise NoRadioError("impostors are put on the air of simulated radios only (mac80211_hwsim)")


def take_phrase(host: Host, profile: Profile) -> None:
    """Keep the passphrase of `profile` on the host for a twin; NoRadioError where it has none."""
    where = (profile.file.kind, str(profile.number), profile.file.path)
    if host.run("sh -c %s sh %s %s %s", _PHRASE, *where).rc != 0:
        raise NoRadioError(f"no passphrase is kept for {profile.label}")


def take_login(host: Host, profile: Profile) -> None:
    """Make an authority and servers that know the user of `profile`; NoRadioError where that cannot be."""
    if not host.exists("openssl"):
        raise NoRadioError("openssl is not installed on the host")
    where = (profile.file.kind, str(profile.number), profile.file.path)
    if host.run("sh -c %s sh %s %s %s", _USERS, *where).rc != 0:
        raise NoRadioError(f"no user and password are kept for {profile.label}")
    wanted = _sh(host, _NAME, *where, _NAMES[profile.file.kind]).split(";")[0].strip()
    _sh(host, _AUTHORITY, wanted.removeprefix("DNS:").replace("*", "kijun", 1) or OTHER_NAME)


@contextmanager
def twin(station: Station, ssid: str, *settings: str) -> Iterator[None]:
    """Put access points named `ssid` on the air, one for each of `settings`, for the length of a `with`.

    `@PHRASE@` in them is the passphrase that was taken. Raises NoRadioError where hostapd does not start.
    """
    host = station.host
    name = f"{FOLDER}/twin"
    head = f"interface={station.interface}\ndriver=nl80211\nhw_mode=g\nchannel={CHANNEL}\n"
    points = [f"ssid2={ssid.encode().hex()}\n{lines}" for lines in settings]
    more = [f"bss={station.interface}_{n}\n{point}" for n, point in enumerate(points[1:], 1)]
    host.check_output(_WRITE, head + "".join([points[0], *more]))
    log = station.run(f"hostapd -B -P {name}.pid {name}.conf 2>&1")
    try:
        end = time.monotonic() + _STARTS
        while "type AP" not in station.run(f"iw dev {station.interface} info"):
            if time.monotonic() > end or not host.file(f"{name}.pid").exists:
                raise NoRadioError(f"the access point of our own did not start: {log[-200:]}")
            time.sleep(0.5)
        yield
    finally:
        host.run("kill $(cat %s) && sleep 1; rm -f %s", *[f"{name}.pid"] * 2)
        station.run(f"iw dev {station.interface} set type managed; ip link set {station.interface} up")


_WRITE = f"""umask 077
printf '%%s' %s | PHRASE=$(cat {FOLDER}/phrase 2>/dev/null) awk '
(at = index($0, "@PHRASE@")) {{$0 = substr($0, 1, at - 1) ENVIRON["PHRASE"] substr($0, at + 8)}}
{{print}}' >{FOLDER}/twin.conf"""
