"""The Ansible module of wireless: what it changes, what it shows, and what it leaves to a person."""

from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.modules import load

ROOT = Path(__file__).resolve().parents[2]
HELPERS = importlib.import_module("ansible.module_utils.kijun_wireless")
LONG = "canary-canary-canary-canary"

POINT = f"""# of the museum
interface=wlan0
ssid=staff
wpa=3
wpa_passphrase={LONG}
wpa_key_mgmt=WPA-PSK
wpa_pairwise=TKIP CCMP
wps_state=2
wep_key0=6162636465
ieee80211w=0
ieee80211w=1
"""
POINT_AFTER = f"""# of the museum
interface=wlan0
ssid=staff
wpa=2
wpa_passphrase={LONG}
wpa_key_mgmt=SAE
ieee80211w=2
rsn_pairwise=CCMP
auth_algs=1
"""
JOINED = f"""ctrl_interface=/run/wpa_supplicant
network={{
\tssid="staff"
\tpsk="{LONG}"
}}
network={{
\tssid=63616665
\tkey_mgmt=WPA-EAP
\tca_cert="/etc/ca.pem"
\tdomain_suffix_match="radius.example"
\tpairwise=GCMP-256 TKIP
}}
"""
JOINED_AFTER = f"""ctrl_interface=/run/wpa_supplicant
network={{
\tssid="staff"
\tpsk="{LONG}"
\tproto=RSN
\tkey_mgmt=SAE
\tpairwise=CCMP
\tgroup=CCMP
\tieee80211w=2
}}
network={{
\tssid=63616665
\tkey_mgmt=WPA-EAP
\tca_cert="/etc/ca.pem"
\tdomain_suffix_match="radius.example"
\tpairwise=GCMP-256
\tdisabled=1
\tproto=RSN
\tgroup=CCMP
\tieee80211w=2
}}
"""
PROFILE = f"[connection]\ntype=wifi\n\n[wifi]\nssid=cafe\n\n[wifi-security]\nkey-mgmt=wpa-psk\npsk={LONG}\n"
PROFILE_AFTER = (
    "[connection]\ntype=wifi\nautoconnect=false\n\n[wifi]\nssid=cafe\n\n[wifi-security]\nkey-mgmt=sae\n"
    f"psk={LONG}\nproto=rsn;\npairwise=ccmp;\ngroup=ccmp;\npmf=3\nwps-method=1\n"
)
IWD = f"[Security]\nPassphrase={LONG}\n"
IWD_AFTER = f"{IWD}[Settings]\nTransitionDisable=true\nDisabledTransitionModes=personal\n"
CHANGES = [
    ("hostapd", "/etc/hostapd/hostapd.conf", POINT, POINT_AFTER),
    ("supplicant", "/etc/wpa_supplicant/w.conf", JOINED, JOINED_AFTER),
    ("manager", "/etc/NetworkManager/system-connections/cafe", PROFILE, PROFILE_AFTER),
    ("iwd", "/var/lib/iwd/staff.psk", IWD, IWD_AFTER),
]


MODULE = load("library/kijun_wireless.py")


def rules(*authentication: str) -> Any:
    return HELPERS.Rules(list(authentication or ("sae", "eap")), 20, ["staff"])


def test_documentation_and_argument_spec_agree() -> None:
    documented = yaml.safe_load(MODULE.DOCUMENTATION)["options"]
    assert documented.keys() == MODULE.ARGUMENT_SPEC.keys()
    for name, spec in MODULE.ARGUMENT_SPEC.items():
        keys = ("type", "required", "default", "elements", "choices")
        assert {k: documented[name].get(k) for k in keys} == {k: spec.get(k) for k in keys}, name


@pytest.mark.parametrize(("kind", "path", "before", "after"), CHANGES)
def test_a_file_is_brought_to_the_standard_once(kind: str, path: str, before: str, after: str) -> None:
    given_ = rules()
    assert getattr(HELPERS, kind)(before, path, given_) == after
    assert getattr(HELPERS, kind)(after, path, given_) == after
    assert given_.refused == []


@pytest.mark.parametrize(
    ("kind", "path", "text", "words"),
    [
        ("hostapd", "/x", "interface=wlan0\nssid=guests\n", "no encryption"),
        ("hostapd", "/x", "interface=wlan0\nssid=old\nwep_key0=6162636465\n", "no encryption"),
        ("hostapd", "/x", f"ssid=a\nwpa=2\nwpa_psk={'a1' * 32}\n", "WPA-PSK is not allowed"),
        ("hostapd", "/x", f"ssid=a\nwpa=2\nwpa_key_mgmt=OWE\nwpa_passphrase={LONG}\n", "OWE is not allowed"),
        ("supplicant", "/x", "network={\nkey_mgmt=NONE\n}\n", "NONE is not allowed"),
        ("supplicant", "/x", f"network={{\npsk={'a1' * 32}\n}}\n", "WPA-PSK is not allowed"),
        ("manager", "/x", "[connection]\ntype=wifi\n[wifi]\nssid=free\n", "key-mgmt none is not allowed"),
        ("iwd", "/x/free.open", "", "not allowed"),
    ],
)
def test_what_cannot_be_kept_is_left_and_reported(kind: str, path: str, text: str, words: str) -> None:
    given_ = rules()
    after = getattr(HELPERS, kind)(text, path, given_)
    assert words in given_.refused[0]
    assert "key_mgmt=SAE" not in after


@pytest.mark.parametrize(
    ("kind", "path", "text"),
    [
        ("hostapd", "/x", "ssid=a\nwpa=2\nwpa_passphrase=tooshort\n"),
        (
            "hostapd",
            "/x",
            "ssid=a\nwpa=2\nwpa_key_mgmt=SAE\nsae_password=tooshort|id=the one of the museum\n",
        ),
        ("supplicant", "/x", 'network={\nssid="staff"\npsk="tooshort"\n}\n'),
        ("manager", "/x", PROFILE.replace(LONG, "toosho\\\\t")),
        ("iwd", "/x/staff.psk", IWD.replace(LONG, "tooshort")),
    ],
)
def test_a_short_passphrase_is_reported_by_its_length_only(kind: str, path: str, text: str) -> None:
    given_ = rules()
    getattr(HELPERS, kind)(text, path, given_)
    assert "8 characters, fewer than 20" in given_.refused[0]
    assert "toosho" not in given_.refused[0]


@pytest.mark.parametrize(
    ("kind", "path", "text", "words"),
    [
        ("supplicant", "/x", 'network={\nssid="staff"\nkey_mgmt=WPA-EAP\neap=PEAP\n}\n', "set ca_cert"),
        (
            "manager",
            "/x",
            "[connection]\n[wifi]\nssid=staff\n[wifi-security]\nkey-mgmt=wpa-eap\n",
            "set ca-cert",
        ),
        ("iwd", "/x/staff.8021x", "[Security]\nEAP-Method=PEAP\n", "set EAP-PEAP-CACert"),
    ],
)
def test_a_server_that_is_not_checked_is_reported_and_the_rest_is_done(
    kind: str, path: str, text: str, words: str
) -> None:
    given_ = rules()
    after = getattr(HELPERS, kind)(text, path, given_)
    assert words in given_.refused[0]
    assert any(line in after for line in ("ieee80211w=2", "pmf=3", "TransitionDisable=true"))


def test_wpa2_is_kept_where_it_is_allowed() -> None:
    after = HELPERS.hostapd(POINT, "/x", rules("psk"))
    assert "wpa_key_mgmt=WPA-PSK\n" in after
    assert "ieee80211w=2" in after
    assert "key-mgmt=wpa-psk" in HELPERS.manager(PROFILE, "/x", rules("psk"))


def test_wired_configuration_is_left_alone() -> None:
    wired = "ap_scan=0\nnetwork={\nkey_mgmt=IEEE8021X\n}\n"
    assert HELPERS.supplicant(wired, "/x", rules()) == wired
    assert HELPERS.manager("[connection]\ntype=ethernet\n", "/x", rules()) == "[connection]\ntype=ethernet\n"


@given(st.sampled_from(["hostapd", "supplicant", "manager", "iwd"]), st.text(max_size=120))
def test_any_text_is_taken_and_a_second_time_nothing_changes(kind: str, text: str) -> None:
    once = getattr(HELPERS, kind)(text, "/x/y.psk", rules())
    assert getattr(HELPERS, kind)(once, "/x/y.psk", rules()) == once


@pytest.mark.parametrize(("kind", "path", "before", "after"), CHANGES)
def test_no_passphrase_is_shown(kind: str, path: str, before: str, after: str) -> None:
    for text in (
        before,
        after,
        f"# {LONG}\n{LONG}\nEAP-Password={LONG}\n[{LONG} ]\nwpa=2 #{LONG}\n{LONG}=\n",
    ):
        assert LONG not in HELPERS.shown(text)
    assert "ssid" in HELPERS.shown(before) or kind == "iwd"


@pytest.mark.parametrize(
    ("kind", "words", "files"),
    [
        ("hostapd", ["-B", "-P", "/run/h.pid", "/etc/a.conf", "b.conf"], ["/etc/a.conf", "b.conf"]),
        ("hostapd", ["-dd", "-f/x", "-i", "wlan0", "/etc/a.conf"], ["/etc/a.conf"]),
        ("supplicant", ["-c/etc/w.conf", "-iwlan0"], ["/etc/w.conf"]),
        ("supplicant", ["-B", "-c", "w.conf", "-I", "/etc/more.conf"], ["w.conf", "/etc/more.conf"]),
        ("supplicant", ["-u", "-s", "-O", "DIR=/run/wpa_supplicant GROUP=netdev"], []),
    ],
)
def test_files_among_arguments(kind: str, words: list[str], files: list[str]) -> None:
    assert MODULE.given(kind, words) == files


def run(capsys: pytest.CaptureFixture[str], **arguments: Any) -> dict[str, Any]:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        MODULE.main()
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The files of a host; nothing else of this machine is looked at."""
    monkeypatch.setattr(MODULE, "processes", lambda: [])
    monkeypatch.setattr(MODULE, "reload_profiles", lambda _module, _kinds: None)
    real = MODULE.glob.glob
    monkeypatch.setattr(MODULE.glob, "glob", lambda p: real(p) if p.startswith(str(tmp_path)) else [])
    made = {kind: tmp_path / Path(path).name for kind, path, _, _ in CHANGES}
    monkeypatch.setattr(MODULE, "PLACES", {kind: (str(path),) for kind, path in made.items()})
    for kind, _, before, _ in CHANGES:
        made[kind].write_text(before)
        made[kind].chmod(0o644)
    return made


def test_a_dry_run_predicts_a_run_and_a_second_changes_nothing(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MODULE.os, "chown", lambda *_: None)
    wanted = {"authentication": ["sae", "eap"], "passphrase_length": 20, "networks": ["staff"]}
    predicted = run(capsys, **wanted, _ansible_check_mode=True)
    assert {kind: path.read_text() for kind, path in files.items()} == {k: b for k, _, b, _ in CHANGES}
    done = run(capsys, **wanted)
    assert {kind: path.read_text() for kind, path in files.items()} == {k: a for k, _, _, a in CHANGES}
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}
    assert predicted["changed"] is done["changed"] is True
    assert predicted["diff"] == done["diff"]
    assert LONG not in json.dumps(done["diff"])
    owner = files["hostapd"].stat().st_uid
    assert run(capsys, **wanted)["changed"] is (owner != 0)


def test_bad_arguments_are_refused(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    answer = run(capsys, authentication=["wep"], passphrase_length=20)
    assert answer["failed"]
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o644}


class Running:
    """A process as the module sees it."""

    def __init__(self, unit: str, kind: str, path: Path, since: float) -> None:
        self.unit, self.kind, self.files, self.since = unit, kind, [str(path)], since


def test_what_is_older_than_its_configuration_is_stale_and_nothing_else(tmp_path: Path) -> None:
    conf = tmp_path / "a.conf"
    conf.write_text("interface=wlan0\nbridge=br0\n")
    now = conf.stat().st_mtime
    cases = [
        (Running("hostapd.service", "hostapd", conf, now - 60), set(), True),
        (Running("wpa_supplicant@wlan0.service", "supplicant", conf, now - 60), set(), True),
        (Running("hostapd.service", "hostapd", conf, now + 60), set(), False),
        (Running("hostapd.service", "hostapd", conf, now + 60), {str(conf)}, True),
        (Running("session-1.scope", "hostapd", conf, now - 60), set(), False),
    ]
    for process, written, stale in cases:
        assert bool(MODULE.stale_units([process], written)) is stale


@pytest.mark.parametrize(
    ("address", "carries"),
    [("10.0.0.1", True), ("[::ffff:10.0.0.1]", True), ("192.0.2.1", False), ("", False)],
)
def test_what_carries_an_ssh_login_is_known(tmp_path: Path, address: str, carries: bool) -> None:
    class Fake:
        """Answers ss and ip."""

        def run_command(self, command: list[str]) -> tuple[int, str, str]:
            if command[0] == "ss":
                return 0, f"0      0      {address}:22    10.0.0.9:40000\n" if address else "", ""
            return (
                0,
                "1: lo inet 127.0.0.1/8\n2: br0    inet 10.0.0.1/24 brd\n3: eth0    inet 192.0.2.1/24\n",
                "",
            )

    conf = tmp_path / "a.conf"
    conf.write_text("interface=wlan0\nbridge=br0\n")
    process = Running("hostapd.service", "hostapd", conf, 0)
    assert MODULE.carries_login(Fake(), process) is carries
