"""Wireless networks as their programs would use them, whichever program that is.

Defaults are the programs' own: hostapd 2.10 `ap_config.c` and hostapd.conf, wpa_supplicant.conf(5) with its
commented example, nm-settings-keyfile(5), iwd.network(5) and iwd.config(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kijun.parsers.wireless import Block, ConfigFile, Secret, Wireless

STRONG = frozenset({"CCMP", "CCMP-256", "GCMP", "GCMP-256"})
TLS_METHODS = frozenset({"TLS", "PEAP", "TTLS", "FAST", "TEAP"})
_WEP_KEYS = ("wep_key0", "wep_key1", "wep_key2", "wep_key3", "wep-key0", "wep-key1", "wep-key2", "wep-key3")


@dataclass(frozen=True)
class Network:
    """One network that a host offers (as an access point) or joins."""

    where: str  # file, and which of the networks in it
    point: bool  # an access point
    ssid: str
    weak: tuple[str, ...]  # what of its encryption can be broken
    families: frozenset[str]  # how the other side is authenticated: sae, eap, psk, or what it is else
    pmf: str  # required, optional or off
    wps: str  # what offers or allows WPS
    methods: frozenset[str]  # of EAP, for a client
    missing: tuple[str, ...]  # of what a client checks of the server
    passphrases: tuple[Secret, ...]
    automatic: bool  # joined without a person's doing


def networks(found: Wireless) -> list[Network]:
    """Return every network of every file that could be read."""
    frames = "1"  # iwd's own default
    for file in found.files:
        if file.path.endswith("/main.conf") and file.kind == "iwd":
            frames = file.block("General").get("ManagementFrameProtection", "1")
    return [network for file in found.files for network in of_file(file, frames)]


def of_file(file: ConfigFile, frames: str = "1") -> Iterator[Network]:
    """Yield every network of one file, in its order; `frames` is iwd's ManagementFrameProtection."""
    match file.kind:
        case "hostapd":
            yield from _hostapd(file)
        case "supplicant":
            yield from _supplicant(file)
        case "manager":
            yield from _manager(file)
        case "iwd":
            yield from _iwd(file, frames)


def families_of(words: frozenset[str]) -> frozenset[str]:
    """Return what kinds of authentication the key management words stand for."""
    kinds = set()
    for word in words:
        if word in ("SAE", "SAE-EXT-KEY", "FT-SAE", "FT-SAE-EXT-KEY"):
            kinds.add("sae")
        elif re.fullmatch(
            r"(WPA|FT|FILS)-(EAP(-SUITE-B(-192)?|-SHA256|-SHA384)?|SHA256|SHA384)|FT-FILS-SHA(256|384)", word
        ):
            kinds.add("eap")
        elif word in ("WPA-PSK", "WPA-PSK-SHA256", "FT-PSK"):
            kinds.add("psk")
        else:
            kinds.add({"OWE": "none (OWE)", "NONE": "none", "?": "something unknown"}.get(word, word))
    return frozenset(kinds)


def ciphers(what: str, words: frozenset[str]) -> list[str]:
    """Return what is weak among cipher words."""
    return [f"{what} {word}" for word in sorted(words - STRONG)]


def _hostapd(file: ConfigFile) -> Iterator[Network]:
    for number in sorted(file.blocks, key=lambda name: int(name) if name.isdecimal() else 0):
        bss = file.blocks[number]
        ssid = bss.get("ssid") or decoded(bss.get("ssid2"))
        wpa = bss.get("wpa", "0")
        weak, families = _offered(bss, wpa)
        if bss.get("osen", "0") != "0":
            weak.append("OSEN")
        passphrases = [s for s in bss.secrets if s.key in ("wpa_passphrase", "wpa_psk", "sae_password")]
        passphrases += [
            Secret(held.key, "text" if held.shortest is not None else "raw", held.shortest or 0)
            for held in file.held.get(number, [])
            if held.key in ("wpa_psk_file", "sae_password_file")
        ]
        if not families & {"psk", "sae"}:
            passphrases = []
        wps = bss.get("wps_state", "0")
        yield Network(
            where=f"{file.path}: {ssid or bss.get('bss') or bss.get('interface')}",
            point=True,
            ssid=ssid,
            weak=tuple(weak),
            families=families,
            pmf={"2": "required", "1": "optional"}.get(bss.get("ieee80211w", "0"), "off"),
            wps="" if wps == "0" else f"wps_state={wps}",
            methods=frozenset(),
            missing=(),
            passphrases=tuple(passphrases),
            automatic=False,
        )


def _offered(bss: Block, wpa: str) -> tuple[list[str], frozenset[str]]:
    """Return what is weak of what an access point offers, and how it authenticates."""
    if wpa not in ("1", "2", "3"):
        if bss.get("ieee8021x", "0") == "1":
            return ["no WPA: keys of WEP, or none"], frozenset({"802.1X without WPA"})
        kind = "WEP" if bss.has_secret(*_WEP_KEYS) else "none"
        return ["WEP" if kind == "WEP" else "no encryption"], frozenset({kind})
    weak = []
    first = bss.words("wpa_pairwise", "TKIP")
    if wpa in ("1", "3"):
        weak += ["WPA (the first)", *ciphers("pairwise", first)]
    if wpa in ("2", "3"):
        weak += ciphers("pairwise", bss.words("rsn_pairwise") or first)
    weak += ciphers("group", bss.words("group_cipher"))
    if bss.has_secret(*_WEP_KEYS):
        weak.append("a key for WEP")
    return weak, families_of(bss.words("wpa_key_mgmt", "WPA-PSK"))


def _supplicant(file: ConfigFile) -> Iterator[Network]:
    common = file.block("0")
    if common.get("ap_scan") == "0":
        return  # a wired network
    for number, block in file.blocks.items():
        if "network" not in block.settings:
            continue
        ssid = decoded(block.get("ssid"))
        # Without an EAP method and an identity, the default's WPA-EAP comes to nothing.
        management = block.words("key_mgmt", "WPA-PSK WPA-EAP" if block.get("eap") else "WPA-PSK")
        weak = [f"protocol {word}" for word in sorted(block.words("proto", "WPA RSN") - {"RSN", "WPA2"})]
        weak += ciphers("pairwise", block.words("pairwise", "CCMP TKIP"))
        weak += ciphers("group", block.words("group", "CCMP TKIP WEP104 WEP40"))
        families = families_of(management)
        passphrases = tuple(s for s in block.secrets if s.key in ("psk", "sae_password"))
        frames = block.get("ieee80211w") or common.get("pmf", "0")
        frames = common.get("pmf", "0") if frames == "3" else frames
        yield Network(
            where=f"{file.path}: {ssid or f'network {number}'}",
            point=block.get("mode") == "2",
            ssid=ssid,
            weak=_plain(families, block) or tuple(weak),
            families=families,
            pmf={"2": "required", "1": "optional"}.get(frames, "off"),
            wps="key_mgmt=WPS" if "WPS" in management else "",
            methods=block.words("eap", "all") if "eap" in families else frozenset(),
            missing=_missing(
                block, ("ca_cert", "ca_path"), ("domain_suffix_match", "domain_match", "altsubject_match")
            ),
            passphrases=passphrases if families & {"psk", "sae"} else (),
            automatic=block.get("disabled", "0") == "0",
        )


def _plain(families: frozenset[str], block: Block) -> tuple[str, ...]:
    """Return what is wrong where there is no encryption, or WEP."""
    if "none" in families:
        return ("WEP",) if block.has_secret(*_WEP_KEYS) else ("no encryption",)
    return ("WEP with 802.1X",) if "IEEE8021X" in families else ()


def _missing(block: Block, authority: tuple[str, ...], name: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is not checked of a server: its certificate's authority, and its name."""
    found = [] if any(block.get(key) == "set" for key in authority) else ["no CA"]
    return (*found, *(() if any(block.get(key) == "set" for key in name) else ("no domain",)))


def _manager(file: ConfigFile) -> Iterator[Network]:
    kinds = {"WIFI", "802-11-WIRELESS"}
    radio = [file.blocks[name] for name in ("wifi", "802-11-wireless") if name in file.blocks]
    connection = file.block("connection")
    if not radio and not connection.words("type") & kinds:
        return
    ssid = manager_ssid(next((block.get("ssid") for block in radio if block.get("ssid")), ""))
    names = ("wifi-security", "802-11-wireless-security")
    secured = next((file.blocks[name] for name in names if name in file.blocks), None)
    block = secured or Block()
    management = block.get("key-mgmt", "NONE") if secured else "NONE"
    families = _manager_families(management)
    weak = [f"protocol {word}" for word in sorted(block.words("proto", "WPA RSN") - {"RSN"})]
    weak += ciphers("pairwise", block.words("pairwise", "CCMP TKIP"))
    weak += ciphers("group", block.words("group", "CCMP TKIP"))
    if management == "WPA-EAP-SUITE-B-192":
        weak = []  # its ciphers are fixed
    way = file.block("802-1x")
    missing = _missing(
        way, ("ca-cert", "ca-path"), ("domain-suffix-match", "domain-match", "altsubject-matches")
    )
    if way.get("system-ca-certs") in ("TRUE", "YES", "1"):
        missing = tuple(part for part in missing if part != "no CA")
    passphrases = tuple(s for s in block.secrets if s.key == "psk")
    wps = block.get("wps-method", "0")
    yield Network(
        where=f"{file.path}: {ssid or 'a network without a name'}",
        point=any(part.get("mode") == "AP" for part in radio),
        ssid=ssid,
        weak=_plain(families, block) or tuple(weak),
        families=families,
        pmf=_manager_pmf(management, block.get("pmf", "0")),
        wps="" if wps == "1" or not families & {"psk", "sae"} else f"wps-method={wps}",
        methods=way.words("eap", "all") if "eap" in families else frozenset(),
        missing=missing,
        passphrases=passphrases if families & {"psk", "sae"} else (),
        automatic=connection.get("autoconnect", "TRUE") not in ("FALSE", "NO", "0"),
    )


def _manager_families(management: str) -> frozenset[str]:
    known = {"WPA-PSK": "psk", "SAE": "sae", "WPA-EAP": "eap", "WPA-EAP-SUITE-B-192": "eap"}
    return frozenset({known[management]}) if management in known else families_of(frozenset({management}))


def _manager_pmf(management: str, value: str) -> str:
    if management == "WPA-EAP-SUITE-B-192":
        return "required"
    return {"3": "required", "1": "off"}.get(value, "optional")


def _iwd(file: ConfigFile, frames: str) -> Iterator[Network]:
    name, _, kind = file.path.rpartition("/")[2].rpartition(".")
    if kind not in ("open", "psk", "8021x"):
        return
    ssid = name if not name.startswith("=") else decoded(name[1:])
    settings, security = file.block("Settings"), file.block("Security")
    strict = settings.get("TransitionDisable") in ("TRUE", "1")
    disabled = settings.words("DisabledTransitionModes") if strict else frozenset()
    families = {"psk": {"sae"} if "PERSONAL" in disabled else {"psk"}, "8021x": {"eap"}, "open": {"none"}}[
        kind
    ]
    method = security.get("EAP-Method")
    missing = _missing(security, (f"EAP-{method}-CACert",), (f"EAP-{method}-ServerDomainMask",))
    weak = ("no encryption",) if kind == "open" else () if strict else ("pairwise TKIP",)
    required = strict or frames == "2"
    yield Network(
        where=file.path,
        point=False,
        ssid=ssid,
        weak=weak,
        families=frozenset(families),
        pmf="required" if required and kind != "open" else "off" if frames == "0" else "optional",
        wps="",
        methods=frozenset({method or "all"}) if kind == "8021x" else frozenset(),
        missing=missing if kind == "8021x" else (),
        passphrases=tuple(
            s for s in security.secrets if s.key in ("Passphrase", "PreSharedKey", "EncryptedSecurity")
        ),
        automatic=settings.get("AutoConnect", "TRUE") not in ("FALSE", "0"),
    )


def decoded(value: str) -> str:
    """Return an SSID as text: quoted, printf-escaped, or in hexadecimal digits (wpa_supplicant.conf(5))."""
    if match := re.fullmatch(r'P?"(.*)"', value, re.DOTALL):
        return match[1]
    if re.fullmatch(r"([0-9a-fA-F]{2})+", value):
        return bytes.fromhex(value).decode("utf-8", "replace")
    return value


def manager_ssid(value: str) -> str:
    """Return an SSID of a key file as text: escaped, or a list of numbers (nm-settings-keyfile(5))."""
    if re.fullmatch(r"([0-9]{1,3};)+", value):
        numbers = [int(number) for number in value.split(";") if number]
        return bytes(number for number in numbers if number < 256).decode("utf-8", "replace")
    return re.sub(r"\\(.)", r"\1", value.replace("\\s", " "))
