"""Wireless networks, shown on the air: what an access point tells everybody, whom it lets in, and whom not.

Two radios of the host that nobody uses are strangers to it: stations that try its access points, and twins of
the networks that it knows, which its profiles are to refuse. A host that has no two of them shows nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from testinfra.host import Host

from kijun.parsers.wireless import parse_running, parse_wireless
from kijun.proving import twins
from kijun.proving.joining import Joiner, Supplicant, loaded, manager
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
from kijun.proving.twins import Profile
from kijun.topics._wireless_reads import CONFIGURATION, RUNNING
from kijun.topics._wireless_view import Network, networks, of_file

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
def on_air(host: Host) -> list[Point]:
    """The access points of the host."""
    found = points(host)
    if not found:
        pytest.skip("no access point is on the air")
    return found


@pytest.fixture(scope="module")
def point(host: Host, on_air: list[Point]) -> Point:
    """One of them, with a passphrase if one has."""
    keyed = [point for point in on_air if configuration(host, point).families & {"sae", "psk"}]
    return [*keyed, *on_air][0]


@pytest.fixture(scope="module")
def radios(host: Host) -> Iterator[list[Station]]:
    """Two radios of the host that are strangers to it."""
    try:
        with stations(host, 2) as made:
            yield made
    except NoRadioError as why:
        pytest.skip(str(why))


@pytest.fixture(scope="module")
def configured(host: Host, point: Point) -> Network:
    """The access point as its configuration has it."""
    return configuration(host, point)


@pytest.fixture  # for each test: a twin takes the place of the access point's with its own
def phrase(host: Host, point: Point, radios: list[Station]) -> bool:
    """Whether the access point has a passphrase; it is kept on the host for the stations."""
    running = parse_running(host.run(RUNNING.script).stdout)
    files = [path for daemon in running if daemon.kind == "hostapd" for path, _ in daemon.written]
    return keep_phrase(host, point.ssid, files)


def configuration(host: Host, point: Point) -> Network:
    """Return an access point as its configuration has it."""
    found = networks(parse_wireless(host.run(CONFIGURATION.script).stdout))
    mine = [network for network in found if network.point and network.ssid == point.ssid]
    assert mine, f"{point.ssid} is on the air, and no configuration names it"
    return mine[0]


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
    host: Host, radios: list[Station], on_air: list[Point], params: dict[str, object]
) -> None:
    """What a third radio hears: AES only, allowed authentication, protected management frames, no WPS."""
    allowed = params["wireless_authentication"]
    assert isinstance(allowed, list)
    for point in on_air:
        heard = radios[1].hears(point)
        assert heard, f"{point.ssid} was not heard"
        ways = announced(point.ssid, heard)
        assert ways == set(configuration(host, point).families), (
            f"{point.ssid} announces {', '.join(sorted(ways))}, its configuration another way"
        )
        assert ways <= set(allowed), f"{point.ssid} announces {', '.join(sorted(ways))}"


def announced(ssid: str, heard: str) -> set[str]:
    """Return how a network that was `heard` authenticates, once everything else of it is as it should be."""
    assert "RSN:" in heard, f"{ssid} announces no WPA2 or WPA3"
    assert not re.search(r"^\s*WPA:", heard, re.MULTILINE), f"{ssid} announces the first WPA"
    assert not re.search(r"^\s*WPS:", heard, re.MULTILINE), f"{ssid} announces WPS"
    told = [*listing(heard, "Group cipher"), *listing(heard, "Pairwise ciphers")]
    assert told, f"{ssid} announces no cipher"
    assert set(told) <= {"CCMP", "GCMP", "CCMP-256", "GCMP-256"}, f"{ssid} announces {told}"
    assert "MFP-required" in heard, f"{ssid} does not demand protected management frames"
    suites = re.search(r"^\s*\* Authentication suites: (.*)$", heard, re.MULTILINE)
    said = suites[1].strip() if suites else ""
    return {SUITES.get(word, word) for word in re.findall(SUITE, said)}


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


@pytest.fixture(scope="module")
def profiles(host: Host) -> list[Profile]:
    """The networks that the host knows."""
    files = parse_wireless(host.run(CONFIGURATION.script).stdout).files
    found = [Profile(file, n, network) for file in files for n, network in enumerate(of_file(file), 1)]
    known = [profile for profile in found if not profile.network.point]
    if not known:
        pytest.skip("the host knows no wireless network")
    return known


@pytest.fixture(scope="module")
def joiners(host: Host, radios: list[Station]) -> Iterator[dict[str, Joiner]]:
    """What joins networks on this host, by the kind of its profiles."""
    try:
        twins.require_simulated(radios)
    except NoRadioError as why:
        pytest.skip(str(why))
    try:
        with manager(host) as managing:
            yield {"supplicant": Supplicant(radios[0]), "manager": managing}
    except NoRadioError:
        yield {"supplicant": Supplicant(radios[0])}


def tried(profiles: list[Profile], joiners: dict[str, Joiner], *families: str) -> list[Profile]:
    """Return the profiles that can be tried here; skips where there is none."""
    found = [p for p in profiles if p.file.kind in joiners and p.network.families & set(families)]
    if not found:
        pytest.skip(f"no known network by {' or '.join(families)} whose program runs and has a spare radio")
    return found


@pytest.mark.intrusive
@pytest.mark.proves("wireless.encryption", "wireless.authentication", "wireless.management_frames")
def test_profiles_refuse_weak_twins(
    host: Host, radios: list[Station], profiles: list[Profile], joiners: dict[str, Joiner]
) -> None:
    """A known network is joined as it should be; one of its name and passphrase that is weaker is not."""
    for profile in tried(profiles, joiners, "sae", "psk"):
        ssid, joiner = profile.network.ssid, joiners[profile.file.kind]
        take_or_skip(twins.take_phrase, host, profile)
        good = twins.SAE if "sae" in profile.network.families else twins.PSK
        with twins.twin(radios[1], ssid, good):
            assert joiner.joins(profile, PATIENCE), f"{profile.label} did not join its network"
        with twins.twin(radios[1], ssid, *twins.WEAK):
            assert not joiner.joins(profile, REFUSED_AFTER), f"{profile.label} joined a weaker network"
    with twins.twin(radios[1], ssid, *twins.WEAK):  # they work: who asks for nothing gets in
        for way in ("without encryption", "with TKIP", "with WPA2, and frames unprotected"):
            careless = network(ssid, WEAK[way], twins.FREQUENCY)
            assert radios[0].tries(careless, PATIENCE)[0], f"no twin {way} was on the air"


@pytest.mark.intrusive
@pytest.mark.proves("wireless.server_identity")
def test_profiles_refuse_a_server_of_another_authority_or_name(
    host: Host, radios: list[Station], profiles: list[Profile], joiners: dict[str, Joiner]
) -> None:
    """A known network whose server has a certificate of another authority, or another name, is refused."""
    for profile in tried(profiles, joiners, "eap"):
        ssid, joiner = profile.network.ssid, joiners[profile.file.kind]
        take_or_skip(twins.take_login, host, profile)
        right, other = (twins.LOGIN.replace("@SERVER@", server) for server in ("right", "other"))
        with twins.twin(radios[1], ssid, right):
            assert joiner.joins(profile, PATIENCE, trusting=True), (
                f"{profile.label} did not join a server of the right name, had it trusted its authority"
            )
            assert not joiner.joins(profile, REFUSED_AFTER), (
                f"{profile.label} joined another authority's server"
            )
        with twins.twin(radios[1], ssid, other):
            assert not joiner.joins(profile, REFUSED_AFTER, trusting=True), (
                f"{profile.label} joined a server of another name"
            )


def take_or_skip(take: Callable[[Host, Profile], None], host: Host, profile: Profile) -> None:
    """Prepare the host for a twin of `profile`."""
    try:
        take(host, profile)
    except NoRadioError as why:
        pytest.skip(str(why))


@pytest.mark.proves("wireless.in_force")
def test_networkmanager_holds_what_its_profiles_say(host: Host, profiles: list[Profile]) -> None:
    """What a running NetworkManager joins with is what its files say."""
    known = loaded(host)
    mine = [profile for profile in profiles if profile.file.path in known]
    if not mine:
        pytest.skip("no NetworkManager runs that has profiles of wireless networks")
    for profile in mine:
        held = host.check_output(
            "nmcli --get-values 802-11-wireless-security.key-mgmt,802-11-wireless-security.pmf,"
            "802-11-wireless-security.proto,connection.autoconnect connection show uuid %s",
            known[profile.file.path],
        ).splitlines()
        blocks = profile.file.blocks
        secured = blocks.get("wifi-security") or blocks.get("802-11-wireless-security")
        assert secured is not None, f"{profile.label} has no security"
        written = [secured.get(name, "").lower() for name in ("key-mgmt", "pmf", "proto")]
        written.append("yes" if profile.network.automatic else "no")
        assert [value.split(" ")[0] for value in held] == written, f"{profile.label} is held as {held}"
