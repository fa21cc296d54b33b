"""wireless on what real hosts said, and on the same with one thing changed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.model import CommandResult, HostState, Status
from kijun.topics._wireless_reads import CONFIGURATION, RUNNING
from kijun.topics._wireless_view import decoded, families_of, manager_ssid
from kijun.topics.wireless import TOPIC, judge

DATA = Path(__file__).parent / "data/wireless"
NAMES = {
    *("encryption", "authentication", "wps", "management_frames", "server_identity", "passphrase_length"),
    *("secrets_protected", "designated_networks", "in_force"),
}
PARAMS = {
    "wireless_authentication": ["sae", "eap"],
    "wireless_passphrase_length": 20,
    "wireless_networks": ["museum-staff", "museum-eap"],
}
HARDENED = ["hardened-12", "hardened-13", "point-12"]


def judged(configuration, running="@end\n", *, read_at=1795573600, **params):
    commands = {
        read.name: CommandResult(read.name, 0, text.encode("utf-8", "surrogateescape"))
        for read, text in ((CONFIGURATION, configuration), (RUNNING, running))
    }
    state = HostState(files={}, commands=commands, read_at=read_at)
    return {v.control.partition(".")[2]: v for v in judge(state, PARAMS | params)}


def of_host(host, *changes, running=(), **params):
    """Judge what `host` said, with (old, new) replaced in its configuration, or in what runs."""
    texts = [(DATA / f"{host}.{kind}").read_text(encoding="utf-8") for kind in ("configuration", "running")]
    for number, pairs in enumerate((changes, running)):
        for old, new in pairs:
            assert old in texts[number], f"{old!r} is not in what {host} said"
            texts[number] = texts[number].replace(old, new, 1)
    return judged(*texts, read_at=int((DATA / f"{host}.now").read_text()), **params)


def with_status(verdicts, status):
    return {name for name, verdict in verdicts.items() if verdict.status is status}


def failing(verdicts):
    return with_status(verdicts, Status.FAIL)


@pytest.mark.parametrize("host", HARDENED)
def test_a_host_that_was_brought_to_the_standard_passes(host):
    verdicts = of_host(host)
    assert set(verdicts) == NAMES
    runs = host == "point-12"
    assert with_status(verdicts, Status.PASS) == (NAMES if runs else NAMES - {"in_force"})
    assert runs or verdicts["in_force"].status is Status.NOT_APPLICABLE


def test_an_access_point_set_up_in_a_hurry_fails_by_everything_that_is_wrong():
    verdicts = of_host("hurried-13")
    assert failing(verdicts) == NAMES - {"server_identity", "passphrase_length", "in_force"}
    assert "pairwise TKIP" in verdicts["encryption"].actual


def test_a_host_without_radio_and_networks_is_beside_the_topic_with_the_reason():
    verdicts = of_host("bare-13")
    assert set(verdicts) == NAMES
    assert with_status(verdicts, Status.NOT_APPLICABLE) == NAMES
    assert {v.reason for v in verdicts.values()} == {
        "there is no radio, and no wireless network is configured."
    }
    with_radio = of_host("bare-13", ("@end", "@radio\tphy0\n@end"))
    assert {v.reason for v in with_radio.values()} == {
        "there is a radio (phy0), but no wireless network is configured."
    }


POINT = "#\t0\twpa_passphrase\ttext\t32\n"
SUPPLICANT = '=\t1\tssid\t"museum-staff"\n'
PROFILE = "=\twifi\tssid\tmuseum-staff\n"
CHANGES = [  # what is said instead, and the controls that must then fail
    ({"encryption"}, "rsn_pairwise\tCCMP", "rsn_pairwise\tCCMP TKIP"),
    ({"encryption"}, "rsn_pairwise\tCCMP", "rsn_pairwise\t"),
    ({"encryption"}, "rsn_pairwise\tCCMP", "rsn_pairwise\t?"),
    ({"encryption"}, "=\t0\twpa\t2", "=\t0\twpa\t3"),
    ({"encryption"}, POINT, POINT + "#\t0\twep_key0\ttext\t10\n"),
    ({"encryption"}, POINT, POINT + "=\t0\tgroup_cipher\tTKIP\n"),
    ({"encryption"}, POINT, POINT + "=\t0\tosen\t1\n"),
    ({"encryption", "authentication"}, "=\t0\twpa\t2", "=\t0\twpa\t0"),
    ({"encryption", "authentication"}, "=\t0\twpa\t2", "=\t0\twpa\t0\n=\t0\tieee8021x\t1"),
    ({"encryption", "authentication", "management_frames"}, POINT, POINT + "=\t1\tssid\tguests\n"),
    ({"authentication"}, "wpa_key_mgmt\tSAE", "wpa_key_mgmt\tSAE WPA-PSK"),
    ({"authentication"}, "wpa_key_mgmt\tSAE", "wpa_key_mgmt\tOWE"),
    ({"authentication"}, "wpa_key_mgmt\tSAE", "wpa_key_mgmt\t"),
    ({"authentication"}, "wpa_key_mgmt\tSAE", "wpa_key_mgmt\tSAE ?"),
    ({"management_frames"}, "=\t0\tieee80211w\t2", "=\t0\tieee80211w\t1"),
    ({"management_frames"}, "=\t0\tieee80211w\t2", "=\t0\tieee80211w\t?"),
    ({"wps"}, POINT, POINT + "=\t0\twps_state\t2\n"),
    ({"passphrase_length"}, POINT, "#\t0\twpa_passphrase\ttext\t19\n"),
    ({"passphrase_length"}, POINT, POINT + "@held\t0\twpa_psk_file\t/etc/hostapd/psk\t600\t0\t0\t8\n"),
    ({"secrets_protected"}, POINT, POINT + "@held\t0\twpa_psk_file\t/etc/hostapd/psk\t640\t0\t0\t32\n"),
    ({"secrets_protected"}, "hostapd.conf\t600\t0", "hostapd.conf\t640\t0"),
    ({"secrets_protected"}, "hostapd.conf\t600\t0", "hostapd.conf\t600\t1000"),
    ({"encryption"}, "=\t1\tproto\tRSN", "=\t1\tproto\tWPA RSN"),
    ({"encryption"}, "=\t1\tgroup\tCCMP", "=\t1\tgroup\tCCMP WEP40"),
    ({"encryption", "authentication"}, "=\t1\tkey_mgmt\tSAE", "=\t1\tkey_mgmt\tNONE"),
    ({"encryption", "authentication"}, "=\t1\tkey_mgmt\tSAE", "=\t1\tkey_mgmt\tIEEE8021X"),
    ({"authentication", "wps"}, "=\t1\tkey_mgmt\tSAE", "=\t1\tkey_mgmt\tSAE WPS"),
    ({"designated_networks"}, SUPPLICANT, '=\t1\tssid\t"home"\n'),
    ({"designated_networks"}, SUPPLICANT, ""),
    ({"management_frames"}, "=\t1\tieee80211w\t2", "=\t1\tieee80211w\t3"),
    ({"server_identity"}, "=\t2\tca_cert\tset", "=\t2\tca_cert\tprobe"),
    ({"server_identity"}, "=\t2\tca_cert\tset\n", ""),
    ({"server_identity"}, "=\t2\tdomain_suffix_match\tset", "=\t2\tdomain_suffix_match\t"),
    ({"server_identity"}, "=\t2\teap\tPEAP", "=\t2\teap\tPEAP LEAP"),
    ({"designated_networks"}, "autoconnect\tFALSE", "autoconnect\tTRUE"),
    ({"encryption", "authentication"}, "=\twifi-security\tkey-mgmt\tSAE", "=\twifi-security\tkey-mgmt\tNONE"),
    ({"authentication"}, "=\twifi-security\tkey-mgmt\tSAE", "=\twifi-security\tkey-mgmt\tWPA-PSK"),
    ({"management_frames"}, "=\twifi-security\tpmf\t3", "=\twifi-security\tpmf\t2"),
    ({"wps"}, "=\twifi-security\twps-method\t1", "=\twifi-security\twps-method\t4"),
    ({"encryption", "management_frames", "authentication"}, "TransitionDisable\tTRUE", "TransitionDisable\t"),
    ({"authentication"}, "DisabledTransitionModes\tPERSONAL", "DisabledTransitionModes\tOPEN"),
    ({"encryption", "authentication", "management_frames"}, "museum-staff.psk", "museum-staff.open"),
    ({"designated_networks"}, "museum-staff.psk", "=686f6d65.psk"),
]  # fmt: skip


@pytest.mark.parametrize("host", HARDENED)
@pytest.mark.parametrize(("controls", "old", "new"), CHANGES)
def test_one_thing_that_is_wrong_fails(host, controls, old, new):
    assert failing(of_host(host, (old, new))) == controls


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("key-mgmt\tSAE", "key-mgmt\tWPA-EAP-SUITE-B-192"),
        ('ssid\t"museum-staff"', "ssid\t6d757365756d2d7374616666"),
        (PROFILE, "=\twifi\tssid\t109;117;115;101;117;109;45;115;116;97;102;102;\n"),
        ("rsn_pairwise\tCCMP", "rsn_pairwise\tGCMP-256 CCMP"),
        ("wpa_key_mgmt\tSAE", "wpa_key_mgmt\tFT-SAE SAE"),
        ("type\tWIFI", "type\t802-11-WIRELESS"),
    ],
)
def test_what_is_as_good_does_not_fail(old, new):
    changed = of_host("hardened-12", (old, new))
    assert failing(changed) - {"server_identity"} == set()


def test_wpa2_with_a_passphrase_passes_where_it_is_allowed_and_frames_are_protected():
    old, new = "wpa_key_mgmt\tSAE", "wpa_key_mgmt\tWPA-PSK"
    assert failing(of_host("point-12", (old, new))) == {"authentication"}
    assert not failing(of_host("point-12", (old, new), wireless_authentication=["sae", "psk", "eap"]))


@pytest.mark.parametrize(
    ("control", "old", "new"),
    [
        ("passphrase_length", POINT, ""),
        ("passphrase_length", POINT, "#\t0\twpa_psk\traw\t64\n"),
        ("passphrase_length", POINT, POINT + "@held\t0\twpa_psk_file\t/etc/hostapd/psk\tabsent\t-\n"),
        ("server_identity", "=\t2\teap\tPEAP", "=\t2\teap\tPWD"),
    ],
)
def test_what_cannot_be_told_is_unknown(control, old, new):
    verdict = of_host("hardened-12", (old, new))[control]
    assert verdict.status is Status.UNKNOWN
    assert verdict.reason


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@end", "@stranger\tConnMan\n@end"),
        ("=\t1\tnetwork", "=\t0\tcred\t\n=\t1\tnetwork"),
        ("=\t0\tinterface", "@unread\n=\t0\tinterface"),
    ],
)
def test_what_is_not_judged_makes_everything_unknown_but_no_failure_less(old, new):
    assert with_status(of_host("hardened-12", (old, new)), Status.UNKNOWN) == NAMES
    assert failing(of_host("hurried-13", (old, new))) == failing(of_host("hurried-13"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@path\t1795573", "@path\t1795579"),
        ("@path\t1795573088", "@path\t"),
        ("@process\thostapd\t", "@process\thostapd\t9"),
    ],
)
def test_what_runs_and_has_not_read_its_configuration_fails(old, new):
    assert failing(of_host("point-12", running=[(old, new)])) == {"in_force"}


def test_wired_networks_are_beside_the_topic():
    wired = (
        "@file\tmanager\t/etc/NetworkManager/system-connections/a\t600\t0\t0\n=\tconnection\ttype\t?\n@end\n"
    )
    dot1x = "@file\tsupplicant\t/etc/w.conf\t600\t0\t0\n=\t0\tap_scan\t0\n=\t1\tnetwork\t\n@end\n"
    for said in (wired, dot1x):
        assert with_status(judged(said), Status.NOT_APPLICABLE) == NAMES


@pytest.mark.parametrize(
    "cut", ["", "@end", "@file\thostapd\n@end\n", "=\t0\twpa\t2\n@end\n", "nonsense\n@end\n"]
)
def test_what_is_not_whole_is_unknown(cut):
    assert with_status(judged(cut), Status.UNKNOWN) == NAMES
    assert (
        with_status(judged("@end\n", cut), Status.UNKNOWN) == NAMES if cut != "=\t0\twpa\t2\n@end\n" else True
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [('"a b"', "a b"), ('P"x"', "x"), ("6d75", "mu"), ("plain", "plain"), ("", ""), ("ff", "\ufffd")],
)
def test_ssids_of_wpa_supplicant(value, text):
    assert decoded(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [("102;114;", "fr"), ("a\\sb", "a b"), ("x\\;y", "x;y"), ("300;", "")]
)
def test_ssids_of_key_files(value, text):
    assert manager_ssid(value) == text


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        *((word, "sae") for word in ("SAE", "FT-SAE", "SAE-EXT-KEY")),
        *((word, "psk") for word in ("WPA-PSK", "FT-PSK", "WPA-PSK-SHA256")),
        *((word, "eap") for word in ("WPA-EAP", "WPA-EAP-SHA256", "WPA-EAP-SUITE-B-192", "FT-EAP-SHA384")),
        *((word, "eap") for word in ("FILS-SHA256", "FT-FILS-SHA384")),
        *(("WPA-NONE", "WPA-NONE"), ("DPP", "DPP"), ("OWE", "none (OWE)"), ("NONE", "none")),
    ],
)
def test_every_word_of_key_management_has_its_kind(word, kind):
    assert families_of(frozenset({word})) == {kind}


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_arbitrary_bytes_never_pass(configuration, running):
    texts = [noise.decode("utf-8", "replace") for noise in (configuration, running)]
    verdicts = judged(*texts)
    assert set(verdicts) == NAMES
    assert not with_status(verdicts, Status.PASS)


@given(st.sampled_from(HARDENED), st.integers(0, 2500), st.text(max_size=20))
def test_real_answers_with_noise_in_them_never_raise(host, place, noise):
    text = (DATA / f"{host}.configuration").read_text(encoding="utf-8")
    assert set(judged(text[:place] + noise + text[place:])) == NAMES


def test_the_topic_reads_no_file_whole():
    assert set(TOPIC.reads) == {CONFIGURATION, RUNNING}
