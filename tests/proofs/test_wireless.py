"""Wireless networks, shown on the air: what an access point tells everybody, whom it lets in, and whom not.

Two radios of the host that nobody uses are the stations. A host without an access point that is on the air,
or without two spare radios, shows nothing here: its profiles are judged by reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from testinfra.host import Host

from kijun.parsers.wireless import parse_running, parse_wireless
from kijun.proving.radios import (
    PATIENCE,
    REFUSED_AFTER,
    NoRadioError,
    Point,
    Station,
    keep_phrase,
    points,
    stations,
)
from kijun.topics._wireless_reads import CONFIGURATION, RUNNING
from kijun.topics._wireless_view import Network, networks

pytestmark = pytest.mark.alone  # there is one air

WEAK = {
    "without encryption": "key_mgmt=NONE",
    "with WEP": 'key_mgmt=NONE\nwep_key0="abcde"\nwep_tx_keyidx=0',
    "with TKIP": 'key_mgmt=WPA-PSK\npairwise=TKIP\ngroup=TKIP CCMP\npsk="@PHRASE@"\nieee80211w=0',
    "with WPA2, and frames unprotected": 'key_mgmt=WPA-PSK\npairwise=CCMP\npsk="@PHRASE@"\nieee80211w=0',
    "with WPA3, and frames unprotected": 'key_mgmt=SAE\npairwise=CCMP\npsk="@PHRASE@"\nieee80211w=0',
    "with a wrong passphrase": 'key_mgmt=SAE WPA-PSK\npsk="kijun-wrong-passphrase"\nieee80211w=1',
}
GOOD = {
    "sae": 'key_mgmt=SAE\nproto=RSN\npairwise=CCMP\ngroup=CCMP\nsae_password="@PHRASE@"\nieee80211w=2',
    "psk": 'key_mgmt=WPA-PSK WPA-PSK-SHA256\npairwise=CCMP\ngroup=CCMP\npsk="@PHRASE@"\nieee80211w=2',
}
SUITE = r"(?:FT/)?(?:IEEE 802\.1X|PSK|SAE)(?:/SHA-256)?|\S+"  # as iw(8) writes them
SUITES = {"SAE": "sae", "FT/SAE": "sae", "PSK": "psk", "PSK/SHA-256": "psk", "FT/PSK": "psk"}
SUITES |= {"IEEE 802.1X": "eap", "IEEE 802.1X/SHA-256": "eap", "FT/IEEE 802.1X": "eap"}


@pytest.fixture(scope="module")
def point(host: Host) -> Point:
    """An access point of the host; where there are several, the first."""
    found = points(host)
    if not found:
        pytest.skip("no access point is on the air")
    return found[0]


@pytest.fixture(scope="module")
def radios(host: Host, point: Point) -> Iterator[list[Station]]:
    """Two radios of the host that are strangers to it."""
    try:
        with stations(host, 2) as made:
            yield made
    except NoRadioError as why:
        pytest.skip(str(why))


@pytest.fixture(scope="module")
def configured(host: Host, point: Point) -> Network:
    """The access point as its configuration has it."""
    found = networks(parse_wireless(host.run(CONFIGURATION.script).stdout))
    mine = [network for network in found if network.point and network.ssid == point.ssid]
    assert mine, f"{point.ssid} is on the air, and no configuration names it"
    return mine[0]


@pytest.fixture(scope="module")
def phrase(host: Host, point: Point, radios: list[Station]) -> bool:
    """Whether the access point has a passphrase; it is kept on the host for the stations."""
    running = parse_running(host.run(RUNNING.script).stdout)
    files = [path for daemon in running if daemon.kind == "hostapd" for path, _ in daemon.written]
    return keep_phrase(host, point.ssid, files)


def network(ssid: str, settings: str, frequency: int) -> str:
    """Return a configuration of wpa_supplicant with one network."""
    lines = [f'ssid="{ssid}"', "scan_ssid=1", f"scan_freq={frequency}", *settings.split("\n")]
    return "ctrl_interface=@FOLDER@\nnetwork={\n" + "\n".join(lines) + "\n}"


def listing(heard: str, name: str) -> list[str]:
    """Return the values of a line of a scan."""
    match = re.search(rf"^\s*\* {name}: (.*)$", heard, re.MULTILINE)
    return match[1].strip().split(" ") if match else []


@pytest.mark.proves(
    "wireless.encryption",
    "wireless.authentication",
    "wireless.management_frames",
    "wireless.wps",
    "wireless.in_force",
)
def test_the_beacon_says_what_the_configuration_says(
    radios: list[Station], point: Point, configured: Network, params: dict[str, object]
) -> None:
    """What a third radio hears: AES only, allowed authentication, protected management frames, no WPS."""
    heard = radios[1].hears(point)
    assert heard, f"{point.ssid} was not heard"
    assert "RSN:" in heard, "the beacon announces no WPA2 or WPA3"
    assert not re.search(r"^\s*WPA:", heard, re.MULTILINE), "the beacon announces the first WPA"
    assert not re.search(r"^\s*WPS:", heard, re.MULTILINE), "the beacon announces WPS"
    told = [*listing(heard, "Group cipher"), *listing(heard, "Pairwise ciphers")]
    assert told, "the beacon announces no cipher"
    assert set(told) <= {"CCMP", "GCMP", "CCMP-256", "GCMP-256"}, f"the beacon announces {told}"
    suites = re.search(r"^\s*\* Authentication suites: (.*)$", heard, re.MULTILINE)
    said = suites[1].strip() if suites else ""
    ways = {SUITES.get(word, word) for word in re.findall(SUITE, said)}
    assert ways == set(configured.families), f"the beacon announces {said}, the configuration another way"
    allowed = params["wireless_authentication"]
    assert isinstance(allowed, list)
    assert ways <= set(allowed), f"the beacon announces {said}"
    assert "MFP-required" in heard, "the beacon does not demand protected management frames"


@pytest.mark.intrusive
@pytest.mark.proves("wireless.authentication")
def test_a_compliant_station_associates(
    radios: list[Station], point: Point, configured: Network, phrase: bool
) -> None:
    """A station with the passphrase, AES and protected management frames gets in."""
    way = next((way for way in ("sae", "psk") if way in configured.families), "")
    if not way or not phrase:
        pytest.skip("the access point has no passphrase, and there are no credentials to log in with")
    inside, seconds = radios[0].tries(network(point.ssid, GOOD[way], point.frequency), PATIENCE)
    assert inside, f"a station with the right passphrase did not get in within {seconds:.0f} s"


@pytest.mark.intrusive
@pytest.mark.proves("wireless.encryption", "wireless.authentication", "wireless.management_frames")
@pytest.mark.parametrize("way", list(WEAK))
def test_weak_stations_are_refused(radios: list[Station], point: Point, phrase: bool, way: str) -> None:
    """Without encryption, with WEP, TKIP, frames unprotected or a wrong passphrase, nobody gets in."""
    inside, _ = radios[0].tries(network(point.ssid, WEAK[way], point.frequency), REFUSED_AFTER)
    assert not inside, f"a station {way} got in"
    assert radios[0].hears(point), "the station could not hear the access point"
