"""What a twin and a joiner take of a profile, by the scripts that run on the host."""

import subprocess

import pytest

from kijun.proving import joining, radios, twins

SUPPLICANT = """ctrl_interface=DIR=/run/wpa_supplicant
pmf=2
network={
	ssid="museum-staff"
	psk="the staff's own = passphrase"
	disabled=1
}
# network={
network={
	ssid="museum-eap"
	key_mgmt=WPA-EAP
	identity="curator"
	password="in the tunnel"
	ca_cert="/etc/ssl/museum.pem"
	bssid=02:00:00:00:01:00
	domain_suffix_match="radius.museum.example"
}
"""
MANAGER = """[connection]
id=login
# password=old
[wifi]
ssid=museum-eap

[802-1x]
identity=curator
password=in the tunnel
domain-suffix-match=radius.museum.example
"""
IWD = "[Security]\nPassphrase=at home\n\n[Settings]\nAutoConnect=false\n"


@pytest.fixture
def values(tmp_path):
    """Ask for a value of a profile, as a proof does on the host."""

    def ask(kind, number, text, names):
        path = tmp_path / "profile"
        path.write_text(text)
        script = f'{twins.LINES}\nkijun_value "$1" "$2" "$3" "$4"'
        argv = ["sh", "-c", script, "sh", kind, str(number), str(path), names]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    return ask


@pytest.mark.parametrize(
    ("kind", "number", "text", "names", "expected"),
    [
        ("supplicant", 1, SUPPLICANT, "sae_password psk Passphrase", "the staff's own = passphrase"),
        ("supplicant", 1, SUPPLICANT, "password", ""),
        ("supplicant", 2, SUPPLICANT, "psk", ""),
        ("supplicant", 2, SUPPLICANT, "password EAP-PEAP-Phase2-Password", "in the tunnel"),
        ("supplicant", 2, SUPPLICANT, "domain_suffix_match domain_match", "radius.museum.example"),
        ("supplicant", 3, SUPPLICANT, "ssid", ""),
        ("manager", 1, MANAGER, "password", "in the tunnel"),
        ("manager", 1, MANAGER, "psk", ""),
        ("iwd", 1, IWD, "sae_password psk Passphrase", "at home"),
    ],
)
def test_a_value_is_taken_of_the_right_network(values, kind, number, text, names, expected):
    assert values(kind, number, text, names) == expected


def test_a_station_joins_with_the_lines_of_the_profile_and_what_the_proof_needs(tmp_path):
    (tmp_path / "profile").write_text(SUPPLICANT)
    script = joining.COPYING.replace(radios.FOLDER, str(tmp_path)).replace("@SPACE@", "one")
    more = 'disabled=0\nca_cert="/proof/ca.pem"'
    dropped = " disabled bssid ca_cert "
    argv = ["sh", "-c", script, "sh", "supplicant", "2", str(tmp_path / "profile"), dropped, more]
    subprocess.run(argv, check=True)
    assert (tmp_path / "one.conf").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "one.conf").read_text().splitlines() == [
        f"ctrl_interface={tmp_path}/one",
        "pmf=2",
        "network={",
        'ssid="museum-eap"',
        "key_mgmt=WPA-EAP",
        'identity="curator"',
        'password="in the tunnel"',
        'domain_suffix_match="radius.museum.example"',
        "disabled=0",
        'ca_cert="/proof/ca.pem"',
        "}",
    ]
