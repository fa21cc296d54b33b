"""Wireless networks (clauses S-10.1.10.a, S-10.1.16.c): hard to break, authenticated, only the designated.

Judged from the configuration of hostapd, wpa_supplicant, NetworkManager and iwd, and from what hostapd and
wpa_supplicant were started with. What the air really carries is what the proofs listen to. What is not seen:
a profile that NetworkManager keeps in memory only, an authentication server's own rules, and radios of other
devices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from kijun.model import HostState, Params, Status, Topic, Verdict
from kijun.parsers.wireless import Daemon, Wireless, WirelessError, parse_running, parse_wireless
from kijun.topics._mail_said import Said, bad, beside, good, joined, unsure
from kijun.topics._mail_view import listed
from kijun.topics._wireless_reads import CONFIGURATION, RUNNING
from kijun.topics._wireless_view import TLS_METHODS, Network, networks

_EXPECTED = {
    "encryption": "every network is encrypted with AES (CCMP or GCMP) under WPA2 or WPA3 only",
    "authentication": "both sides authenticate by {authentication} only",
    "wps": "no network is joined or offered by WPS",
    "management_frames": "management frames are protected, and who cannot is refused",
    "server_identity": "a client checks the authentication server's certificate: its authority and its name",
    "passphrase_length": "passphrases have at least {passphrase_length} characters",
    "secrets_protected": "only root reads passphrases and keys, and only root changes the configuration",
    "designated_networks": "no network but {networks} is joined without a person's doing",
    "in_force": "what runs has read its configuration",
}
_LEEWAY = 2  # seconds by which an age from /proc may be rounded


@dataclass(frozen=True)
class _Facts:
    """What all controls are judged from."""

    found: Wireless
    networks: list[Network]
    daemons: list[Daemon]
    params: Params
    read_at: int

    @property
    def clients(self) -> list[Network]:
        return [network for network in self.networks if not network.point]

    def words(self, name: str) -> list[str]:
        value = self.params[f"wireless_{name}"]
        if not isinstance(value, list):
            raise TypeError(f"wireless_{name} is not a list")
        return [str(word) for word in value]

    @property
    def length(self) -> int:
        value = self.params["wireless_passphrase_length"]
        if not isinstance(value, int):
            raise TypeError("wireless_passphrase_length is not a number")
        return value


def judge(state: HostState, params: Params) -> Iterator[Verdict]:
    """Yield one verdict for each control of wireless."""
    shown = {
        "authentication": " or ".join(_listed(params["wireless_authentication"])) or "nothing",
        "networks": ", ".join(_listed(params["wireless_networks"])) or "none",
        "passphrase_length": params["wireless_passphrase_length"],
    }
    for name, said in _judged(state, params).items():
        expected = _EXPECTED[name].format(**shown)
        yield Verdict(f"wireless.{name}", said.status, expected, said.actual, said.source, said.reason)


def _listed(value: object) -> list[str]:
    return [str(word) for word in value] if isinstance(value, list) else []


def _judged(state: HostState, params: Params) -> dict[str, Said]:
    source = "hostapd, wpa_supplicant, NetworkManager, iwd"
    try:
        found = parse_wireless(state.command(CONFIGURATION.name).text)
        daemons = parse_running(state.command(RUNNING.name).text)
    except WirelessError as why:
        return dict.fromkeys(_EXPECTED, unsure(f"{why}.", source))
    facts = _Facts(found, networks(found), daemons, params, state.read_at)
    unjudged = [
        *found.strangers,
        *(f"{file.path}, which could not be read" for file in found.files if file.unread),
    ]
    unjudged += [
        f"a cred block in {file.path}"
        for file in found.files
        if file.kind == "supplicant" and "cred" in file.block("0").settings
    ]
    if not facts.networks and not unjudged:
        radio = (
            f"there is a radio ({listed(found.radios)}), but" if found.radios else "there is no radio, and"
        )
        return dict.fromkeys(_EXPECTED, beside(f"{radio} no wireless network is configured.", source))
    rest = [unsure(f"not judged here: {listed(unjudged)}.", source)] if unjudged else []
    return {name: joined([said(facts), *rest]) for name, said in _CONTROLS.items()}


def _each(found: Iterable[Network], problem: Callable[[Network], str], none: str, right: str) -> Said:
    """Judge networks one by one by what is wrong with them; `none` is said where there are none."""
    networks_ = list(found)
    if not networks_:
        return beside(none, "wireless configuration")
    wrong = [(network, said) for network in networks_ if (said := problem(network))]
    if wrong:
        return bad(listed([f"{network.where}: {said}" for network, said in wrong], 3), wrong[0][0].where)
    names = sorted({network.ssid or network.where for network in networks_})
    return good(f"{right}: {listed(names)}", networks_[0].where)


_NONE = "no wireless network is configured."


def _encryption(facts: _Facts) -> Said:
    return _each(facts.networks, lambda network: ", ".join(network.weak), _NONE, "AES only")


def _authentication(facts: _Facts) -> Said:
    allowed = set(facts.words("authentication"))

    def problem(network: Network) -> str:
        others = sorted(network.families - allowed)
        return f"by {', '.join(others)}" if others else "" if network.families else "by nothing"

    return _each(facts.networks, problem, _NONE, "as it should be")


def _wps(facts: _Facts) -> Said:
    return _each(facts.networks, lambda network: network.wps, _NONE, "no WPS")


def _management_frames(facts: _Facts) -> Said:
    def problem(network: Network) -> str:
        return "" if network.pmf == "required" else f"protection is {network.pmf}"

    return _each(facts.networks, problem, _NONE, "protection is required")


def _server_identity(facts: _Facts) -> Said:
    clients = [network for network in facts.clients if "eap" in network.families]

    def problem(network: Network) -> str:
        broken = sorted(network.methods & {"LEAP", "MD5", "MSCHAPV2", "GTC", "OTP"})
        if broken:
            return f"method {', '.join(broken)} has no server certificate"
        return ", ".join(network.missing) if network.methods & {*TLS_METHODS, "all", "?"} else ""

    said = _each(clients, problem, "no client authenticates to a server.", "CA and domain are checked")
    other = [n.where for n in clients if not n.methods <= TLS_METHODS]
    if said.status is Status.PASS and other:
        return unsure(f"the EAP method is not one whose server has a certificate: {listed(other)}.", other[0])
    return said


def _passphrase_length(facts: _Facts) -> Said:
    keyed = [network for network in facts.networks if network.families & {"sae", "psk"}]

    def problem(network: Network) -> str:
        short = [s.length for s in network.passphrases if s.form == "text" and s.length < facts.length]
        return f"{min(short)} characters" if short else ""

    said = _each(keyed, problem, "no network has a passphrase.", "long enough")
    if said.status is not Status.PASS:
        return said
    for network in keyed:
        if not network.passphrases:
            return unsure(f"the passphrase is not kept on the host: {network.where}.", network.where)
        if any(secret.form != "text" for secret in network.passphrases):
            return unsure(
                f"only a key is kept; how long its passphrase was is not known: {network.where}.",
                network.where,
            )
    return said


def _secrets_protected(facts: _Facts) -> Said:
    wrong = []
    for file in facts.found.files:
        if file.uid != 0:
            wrong.append(f"{file.path} belongs to user {file.uid}")
        elif file.mode & (0o077 if file.has_secrets else 0o022):
            wrong.append(f"{file.path} has mode {file.mode:04o}")
        for held in (held for some in file.held.values() for held in some if held.mode >= 0):
            if held.uid != 0 or held.mode & 0o077:
                wrong.append(f"{held.path} ({held.key}) has mode {held.mode:04o}, user {held.uid}")
    if wrong:
        return bad(listed(wrong, 3), wrong[0].split(" ")[0])
    if not facts.found.files:
        return beside(_NONE, "wireless configuration")
    return good(f"{len(facts.found.files)} files", facts.found.files[0].path)


def _designated_networks(facts: _Facts) -> Said:
    named = set(facts.words("networks"))

    def problem(network: Network) -> str:
        if not network.automatic or (network.ssid and network.ssid in named):
            return ""
        return "joined automatically, and not designated" if network.ssid else "any network is joined"

    return _each(facts.clients, problem, "the host joins no wireless network.", "only designated ones")


def _in_force(facts: _Facts) -> Said:
    configured = [daemon for daemon in facts.daemons if daemon.written]
    source = "/proc"
    if not configured:
        return beside("neither hostapd nor wpa_supplicant runs with a configuration of its own.", source)
    for daemon in configured:
        name = {"supplicant": "wpa_supplicant"}.get(daemon.kind, daemon.kind)
        for path, when in daemon.written:
            if when < 0:
                return bad(f"{path}, which the running {name} was started with, is gone", source)
            if when > facts.read_at - daemon.age + _LEEWAY:
                return bad(f"the running {name} is older than {path}", source)
    return good("hostapd and wpa_supplicant are younger than their configuration", source)


_CONTROLS: dict[str, Callable[[_Facts], Said]] = {
    "encryption": _encryption,
    "authentication": _authentication,
    "wps": _wps,
    "management_frames": _management_frames,
    "server_identity": _server_identity,
    "passphrase_length": _passphrase_length,
    "secrets_protected": _secrets_protected,
    "designated_networks": _designated_networks,
    "in_force": _in_force,
}
TOPIC = Topic(slug="wireless", reads=(CONFIGURATION, RUNNING), judge=judge)
