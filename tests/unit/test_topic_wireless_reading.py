"""What the reads of wireless let off a host: run for real, on a file system of their own, full of secrets."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kijun.parsers.wireless import Secret, parse_wireless
from kijun.topics._wireless_reads import _FILES, _NAMES, _SECRETS, _SET, _WORDS, CONFIGURATION
from kijun.topics._wireless_view import networks

CANARY = "Zq7-canary_kMp4"
PLACES = {
    "hostapd": "etc/hostapd/ap.conf",
    "supplicant": "etc/wpa_supplicant/w.conf",
    "manager": "etc/NetworkManager/system-connections/a b.nmconnection",
    "iwd": "var/lib/iwd/museum.psk",
}
HEADS = {
    "hostapd": "ssid=museum\n",
    "supplicant": "network={\n",
    "manager": "[wifi]\n",
    "iwd": "[Security]\n",
}
TAILS = {"supplicant": "}\n"}
MATTERS = ("hostapd", "supplicant", "manager", "iwd")
AWKS = [name for name in ("mawk", "gawk", "original-awk") if shutil.which(name)]


@pytest.fixture
def root(tmp_path):
    """An empty file system: the read looks below it instead of /."""
    for folder in (
        "etc/hostapd",
        "etc/wpa_supplicant",
        "etc/NetworkManager/system-connections",
        "proc",
        "sys",
        "bin",
    ):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "var/lib/iwd").mkdir(parents=True)
    return tmp_path


def read(root, awk=None):
    """Return what the read prints of the file system below `root`."""
    script = CONFIGURATION.script
    for folder in (
        "/etc/",
        "/run/",
        "/usr/lib/NetworkManager/",
        "/usr/sbin/connmand",
        "/var/lib/",
        "/proc/",
        "/sys/",
    ):
        script = script.replace(folder, f"{root}{folder}")
    path = "/usr/sbin:/usr/bin:/sbin:/bin"
    if awk and not (root / "bin/awk").exists():
        (root / "bin/awk").symlink_to(shutil.which(awk))
    done = subprocess.run(
        ["sh", "-s"],
        input=script.encode("utf-8", "surrogateescape"),
        env={"LC_ALL": "C", "PATH": f"{root}/bin:{path}"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode("utf-8", "replace")


def put(root, kind, text):
    path = root / PLACES[kind]
    path.write_text(HEADS[kind] + text + TAILS.get(kind, ""), encoding="utf-8", errors="surrogateescape")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("kind", MATTERS)
def test_no_secret_leaves_the_host_by_its_own_name(root, kind):
    for key in _SECRETS[kind].split():
        for value in (
            CANARY,
            f'"{CANARY}"',
            f'P"{CANARY}"',
            f"{CANARY} # {CANARY}",
            f"{CANARY}\t{CANARY}",
            f" {CANARY}",
        ):
            put(root, kind, f"{key}={value}\n{key} = {value}\n")
            said = read(root)
            assert CANARY.upper() not in said.upper(), f"{key}={value}"
            assert f"\t{key}\t" in said


@pytest.mark.parametrize("kind", MATTERS)
def test_no_secret_leaves_the_host_in_another_place(root, kind):
    """A comment, a name nobody knows, a line that was cut, or the wrong setting."""
    known = f"{_WORDS[kind]} {_SET[kind]} {_FILES[kind]} identity unheard_of"
    lines = [
        f"# psk={CANARY}",
        f"#{CANARY}",
        CANARY,
        f"={CANARY}",
        f"unheard_of={CANARY}",
        f"{CANARY}=1",
        f"[{CANARY}",
    ]
    lines += [
        f"{key}={value}" for key in known.split() for value in (CANARY, f'"{CANARY}"', f"SAE # {CANARY}")
    ]
    lines += [f"[{CANARY}]", "ssid=x", "type=wifi", "AutoConnect=true", f"interface bss={CANARY}"]
    put(root, kind, "\n".join(lines) + "\n")
    assert CANARY.upper() not in read(root).upper()


def test_names_of_networks_and_interfaces_are_all_that_is_free_text():
    assert {word for names in _NAMES.values() for word in names.split()} == {
        *("ssid", "ssid2", "interface", "bss", "bridge", "interface-name")
    }


@settings(max_examples=40)
@given(
    st.sampled_from(MATTERS),
    st.lists(
        st.tuples(st.text('abwpk_={}[]#;" \t\\', max_size=12), st.text("'\"#=\\| \t{}[];", max_size=4)),
        max_size=6,
    ),
)
def test_no_secret_leaves_the_host_however_it_is_written(tmp_path_factory, kind, pieces):
    root = tmp_path_factory.mktemp("host")
    (root / PLACES[kind]).parent.mkdir(parents=True)
    put(root, kind, "".join(f"{before}{after}{CANARY}{after}\n" for before, after in pieces))
    said = read(root)
    assert said.endswith("@end\n")
    free = [
        line
        for line in said.split("\n")
        if CANARY.upper() in line.upper() and line.split("\t")[2:3] not in (["ssid"], ["bss"])
    ]
    assert not free


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(
    ("kind", "line", "secret"),
    [
        ("hostapd", "wpa_passphrase=0123456789", Secret("wpa_passphrase", "text", 10)),
        ("hostapd", 'wpa_passphrase="123"5678', Secret("wpa_passphrase", "text", 9)),
        ("hostapd", f"wpa_psk={'a1' * 32}", Secret("wpa_psk", "raw", 64)),
        ("hostapd", "sae_password=four|mac=ff:ff:ff:ff:ff:ff", Secret("sae_password", "text", 4)),
        ("hostapd", "sae_password=a|b", Secret("sae_password", "text", 3)),
        ("supplicant", '\tpsk="with # in it"', Secret("psk", "text", 12)),
        ("supplicant", f"psk={'a1' * 32} # old", Secret("psk", "raw", 64)),
        ("supplicant", "psk=ext:staff", Secret("psk", "raw", 9)),
        ("supplicant", 'sae_password="x y"', Secret("sae_password", "text", 3)),
        ("manager", "psk=a\\\\b\\s", Secret("psk", "text", 4)),
        ("manager", f"psk={'0' * 64}", Secret("psk", "raw", 64)),
        ("iwd", "Passphrase = eight888", Secret("Passphrase", "text", 8)),
        ("iwd", "PreSharedKey=ff", Secret("PreSharedKey", "raw", 2)),
    ],
)
def test_lengths_are_those_of_the_passphrase(root, awk, kind, line, secret):
    put(root, kind, line + "\n")
    blocks = parse_wireless(read(root, awk)).files[0].blocks.values()
    assert [found for block in blocks for found in block.secrets] == [secret]


@pytest.mark.parametrize("awk", AWKS)
def test_every_file_is_read_once_with_its_owner_and_mode(root, awk):
    for kind in MATTERS:
        put(root, kind, "")
    (root / "etc/default").mkdir()
    (root / "etc/default/hostapd").write_text(f'DAEMON_CONF="{root}/etc/hostapd/ap.conf {root}/etc/other"\n')
    (root / "etc/other").write_text("ssid=other\n")
    (root / "etc/other").chmod(0o644)
    (root / "etc/wpa_supplicant/w.conf.bak").write_text("network={\n")
    (root / "etc/hostapd/empty.conf").write_text("")
    found = parse_wireless(read(root, awk))
    assert [(f.kind, f.path.removeprefix(f"{root}/"), f.mode) for f in found.files] == [
        ("hostapd", PLACES["hostapd"], 0o600),
        ("hostapd", "etc/hostapd/empty.conf", 0o644),
        ("hostapd", "etc/other", 0o644),
        ("supplicant", PLACES["supplicant"], 0o600),
        ("manager", PLACES["manager"], 0o600),
        ("iwd", PLACES["iwd"], 0o600),
    ]
    assert not found.strangers


@pytest.mark.parametrize("awk", AWKS)
def test_files_of_passphrases_are_followed_on_the_host(root, awk):
    keys = root / "etc/it's keys"
    keys.write_text(
        f"# of devices\n00:00:00:00:00:00 {CANARY}\nkeyid=x wps=1 00:00:00:00:00:01 {CANARY[:9]}\n"
    )
    keys.chmod(0o640)
    put(root, "hostapd", f"wpa=2\nwpa_psk_file={keys}\nsae_password_file={root}/none\n")
    said = read(root, awk)
    assert CANARY[:9].upper() not in said.upper()
    held = parse_wireless(said).files[0].held["0"]
    assert [(h.key, h.mode, h.shortest) for h in held] == [
        ("wpa_psk_file", 0o640, 9),
        ("sae_password_file", -1, None),
    ]


def test_what_is_not_judged_is_named(root):
    (root / "etc/network/interfaces.d").mkdir(parents=True)
    (root / "etc/network/interfaces").write_text(
        f"iface wlan0 inet dhcp\n  wpa-ssid home\n  wpa-psk {CANARY}\n  wpa-conf {root}/etc/w.conf\n"
    )
    (root / "etc/NetworkManager/NetworkManager.conf").write_text(
        "[main]\nplugins=keyfile\n[keyfile]\npath = /srv\n"
    )
    (root / "etc/w.conf").write_text('network={\nssid="free"\nkey_mgmt=NONE\n}\n')
    said = read(root)
    assert CANARY.upper() not in said.upper()
    found = parse_wireless(said)
    assert len(found.strangers) == 3
    assert [network.ssid for network in networks(found)] == ["free"]


def test_a_second_network_of_an_access_point_has_its_own_settings(root):
    put(
        root,
        "hostapd",
        "wpa=2\nwpa_key_mgmt=SAE\nrsn_pairwise=CCMP\nieee80211w=2\nbss=wlan0_1\nssid=guests\n",
    )
    first, second = networks(parse_wireless(read(root)))
    assert (first.ssid, first.weak, first.pmf) == ("museum", (), "required")
    assert (second.ssid, second.weak, second.pmf) == ("guests", ("no encryption",), "off")
