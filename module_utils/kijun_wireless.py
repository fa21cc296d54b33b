# Copyright: the kijun contributors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Wireless configuration brought to the standard: text in, text out, and what only a person can decide."""

from __future__ import annotations

import re

STRONG = ("CCMP", "CCMP-256", "GCMP", "GCMP-256")
WEP = ("wep_key0", "wep_key1", "wep_key2", "wep_key3", "wep_default_key", "wep_tx_keyidx")
SHOWN = (
    *("interface", "bss", "ssid", "wpa", "wpa_key_mgmt", "rsn_pairwise", "wpa_pairwise", "group_cipher"),
    *("ieee80211w", "auth_algs", "wps_state", "osen", "key_mgmt", "proto", "pairwise", "group", "disabled"),
    *("type", "autoconnect", "key-mgmt", "pmf", "wps-method"),
    *("AutoConnect", "TransitionDisable", "DisabledTransitionModes"),
)


class Rules:
    """What is allowed, and what a file leaves for a person to decide."""

    def __init__(self, authentication: list[str], length: int, networks: list[str]) -> None:
        self.allowed = set(authentication)
        self.length = length
        self.networks = set(networks)
        self.refused: list[str] = []

    def refuse(self, where: str, what: str) -> None:
        """Note that a person has to decide on something."""
        self.refused.append(f"{where}: {what}")

    def check_length(self, where: str, passphrase: str | None) -> None:
        """Note a passphrase that is too short; only its length is told."""
        if passphrase is not None and 0 < len(passphrase) < self.length:
            self.refuse(where, f"the passphrase has {len(passphrase)} characters, fewer than {self.length}")


class Section:
    """Lines of the form name=value that belong together; the last line of a name counts."""

    def __init__(self, lines: list[str], indent: str = "") -> None:
        self.lines = lines
        self.indent = indent

    @staticmethod
    def name_of(line: str) -> str:
        """Return the name that a line sets, "" for a comment or anything else."""
        text = line.strip()
        return "" if text.startswith(("#", ";")) or "=" not in text else text.split("=", 1)[0].strip()

    def get(self, name: str) -> str | None:
        """Return the value of `name`, None where it is not set."""
        found = [line for line in self.lines if self.name_of(line) == name]
        return found[-1].split("=", 1)[1].strip() if found else None

    def set(self, name: str, value: str) -> None:
        """Set `name` to `value`: in place of its first line, or after the last line that sets anything."""
        if self.get(name) == value and sum(self.name_of(line) == name for line in self.lines) == 1:
            return
        line = f"{self.indent}{name}={value}"
        places = [number for number, old in enumerate(self.lines) if self.name_of(old) == name]
        if places:
            self.lines[places[0]] = line
            for number in reversed(places[1:]):
                del self.lines[number]
            return
        last = [number for number, old in enumerate(self.lines) if self.name_of(old)]
        self.lines.insert(last[-1] + 1 if last else len(self.lines), line)

    def drop(self, *names: str) -> None:
        """Take away every line that sets one of `names`."""
        self.lines[:] = [line for line in self.lines if self.name_of(line) not in names]


def family(word: str) -> str:
    """Return what kind of authentication a key management word stands for."""
    if word in ("SAE", "SAE-EXT-KEY", "FT-SAE", "FT-SAE-EXT-KEY"):
        return "sae"
    if word in ("WPA-PSK", "WPA-PSK-SHA256", "FT-PSK"):
        return "psk"
    return "eap" if re.match(r"(WPA|FT)-EAP|FILS-|FT-FILS-", word) else word


def management(words: list[str], rules: Rules, has_phrase: bool) -> list[str]:
    """Return the key management to use instead of `words`; nothing where there is none that is allowed."""
    kept = [word for word in words if family(word) in rules.allowed]
    if any(family(word) == "sae" for word in kept) and not has_phrase:
        kept = [word for word in kept if family(word) != "sae"]
    if not kept and has_phrase and {family(word) for word in words} & {"psk", "sae"}:
        kept = ["SAE"] if "sae" in rules.allowed else ["WPA-PSK"] if "psk" in rules.allowed else []
    return kept


def strong(value: str | None) -> str:
    """Return the strong ciphers among `value`, CCMP where there is none."""
    return " ".join(word for word in (value or "").split() if word in STRONG) or "CCMP"


def hostapd(text: str, path: str, rules: Rules) -> str:
    """Return hostapd.conf(5)'s text with every network of it brought to the standard."""
    sections: list[Section] = [Section([])]
    for line in text.split("\n"):
        if line.startswith("bss="):
            sections.append(Section([]))
        sections[-1].lines.append(line)
    for section in sections:
        if section.get("ssid") or section.get("ssid2") or section.get("interface") or section.get("bss"):
            _point(section, f"{path}: {section.get('ssid') or section.get('ssid2') or 'a network'}", rules)
    return "\n".join(line for section in sections for line in section.lines)


def _point(section: Section, where: str, rules: Rules) -> None:
    phrase = section.get("sae_password") or section.get("wpa_passphrase")
    if section.get("wpa") not in ("1", "2", "3") and not phrase:
        rules.refuse(
            where, "there is no encryption that can be kept; give it a passphrase or a server to ask"
        )
        return
    words = (section.get("wpa_key_mgmt") or "WPA-PSK").split()
    has_phrase = bool(phrase or section.get("sae_password_file"))
    chosen = management(words, rules, has_phrase)
    if not chosen:
        rules.refuse(
            where, f"{' '.join(words)} is not allowed, and nothing else is possible with what is set"
        )
        return
    if {family(word) for word in chosen} & {"psk", "sae"}:
        rules.check_length(where, re.split(r"\|(?:mac|vlanid|pk|id)=", phrase)[0] if phrase else None)
    section.drop("wpa_pairwise", "wps_state", "osen", *WEP)
    section.set("wpa", "2")
    section.set("wpa_key_mgmt", " ".join(chosen))
    section.set("rsn_pairwise", strong(section.get("rsn_pairwise")))
    if section.get("group_cipher") not in (*STRONG, None):
        section.drop("group_cipher")
    section.set("ieee80211w", "2")
    section.set("auth_algs", "1")


def decoded(value: str) -> str:
    """Return an SSID of wpa_supplicant.conf(5) as text."""
    match = re.match(r'^P?"(.*)"$', value, re.DOTALL)
    if match:
        return match.group(1)
    if re.match(r"^([0-9a-fA-F]{2})+$", value):
        return bytes.fromhex(value).decode("utf-8", "replace")
    return value


def supplicant(text: str, path: str, rules: Rules) -> str:
    """Return wpa_supplicant.conf(5)'s text with every network of it brought to the standard."""
    out: list[str] = []
    block: list[str] | None = None
    if re.search(r"^\s*ap_scan=0\s*$", text, re.MULTILINE):
        return text
    for line in text.split("\n"):
        if block is None:
            out.append(line)
            if line.strip().startswith("network={"):
                block = []
        elif line.strip() == "}":
            section = Section(block, "\t")
            _joined(section, path, rules)
            out += [*section.lines, line]
            block = None
        else:
            block.append(line)
    return "\n".join(out + (block or []))


def _joined(section: Section, path: str, rules: Rules) -> None:
    ssid = decoded(section.get("ssid") or "")
    where = f"{path}: {ssid or 'a network without a name'}"
    if ssid not in rules.networks or not ssid:
        section.set("disabled", "1")
    words = (section.get("key_mgmt") or ("WPA-EAP" if section.get("eap") else "WPA-PSK")).split()
    key = section.get("sae_password") or section.get("psk") or ""
    phrase = decoded(key) if re.match(r'^P?"', key) else None
    chosen = management(words, rules, phrase is not None)
    if not chosen:
        rules.refuse(where, f"{' '.join(words)} is not allowed; take the network out, or change it")
        return
    kinds = {family(word) for word in chosen}
    if kinds & {"psk", "sae"}:
        rules.check_length(where, phrase)
    names = ("domain_suffix_match", "domain_match", "altsubject_match")
    if "eap" in kinds and not (section.get("ca_cert") and any(section.get(name) for name in names)):
        rules.refuse(where, "set ca_cert and domain_suffix_match, so that the server is known")
    section.set("proto", "RSN")
    section.set("key_mgmt", " ".join(chosen))
    section.set("pairwise", strong(section.get("pairwise")))
    section.set("group", strong(section.get("group")))
    section.set("ieee80211w", "2")


def sections_of(text: str) -> dict[str, Section]:
    """Return the sections of a key file by name, "" for what is before the first, with their headings."""
    found: dict[str, Section] = {"": Section([])}
    current = found[""]
    for line in text.rstrip("\n").split("\n"):
        heading = re.match(r"^\s*\[([^]]*)\]\s*$", line)
        if heading:
            current = found.setdefault(heading.group(1), Section([]))
        current.lines.append(line)
    return found


def joined_sections(found: dict[str, Section]) -> str:
    """Return the text of a key file."""
    return "\n".join(line for section in found.values() for line in section.lines) + "\n"


def manager(text: str, path: str, rules: Rules) -> str:
    """Return a profile of NetworkManager (nm-settings-keyfile(5)) brought to the standard."""
    found = sections_of(text)
    radio = found.get("wifi") or found.get("802-11-wireless")
    if radio is None or "connection" not in found:
        return text
    ssid = manager_ssid(radio.get("ssid") or "")
    where = f"{path}: {ssid or 'a network without a name'}"
    if ssid not in rules.networks:
        found["connection"].set("autoconnect", "false")
    secured = found.get("wifi-security") or found.get("802-11-wireless-security")
    word = (secured.get("key-mgmt") if secured else None) or "none"
    known = {
        "wpa-psk": "WPA-PSK",
        "sae": "SAE",
        "wpa-eap": "WPA-EAP",
        "wpa-eap-suite-b-192": "WPA-EAP-SUITE-B-192",
    }
    phrase = secured.get("psk") if secured else None
    chosen = (
        management([known[word]], rules, not re.match(r"^[0-9a-fA-F]{64}$", phrase or ""))
        if word in known
        else []
    )
    if not chosen or secured is None:
        rules.refuse(where, f"key-mgmt {word} is not allowed; take the network out, or change it")
        return joined_sections(found)
    secured.set("key-mgmt", {value: key for key, value in known.items()}[chosen[0]])
    if chosen[0] != "WPA-EAP-SUITE-B-192":
        for name, value in (("proto", "rsn;"), ("pairwise", "ccmp;"), ("group", "ccmp;"), ("pmf", "3")):
            secured.set(name, value)
    if family(chosen[0]) == "eap":
        _server(found.get("802-1x"), where, rules)
    else:
        secured.set("wps-method", "1")
        rules.check_length(where, re.sub(r"\\.", "x", phrase) if phrase else None)
    return joined_sections(found)


def _server(way: Section | None, where: str, rules: Rules) -> None:
    names = ("domain-suffix-match", "domain-match", "altsubject-matches")
    authority = way and (way.get("ca-cert") or way.get("ca-path") or way.get("system-ca-certs") == "true")
    if not authority or not any(way.get(name) for name in names):
        rules.refuse(where, "set ca-cert and domain-suffix-match, so that the server is known")


def manager_ssid(value: str) -> str:
    """Return an SSID of a key file as text."""
    if re.match(r"^([0-9]{1,3};)+$", value):
        numbers = [int(number) for number in value.split(";") if number]
        return bytes(number for number in numbers if number < 256).decode("utf-8", "replace")
    return re.sub(r"\\(.)", r"\1", value.replace("\\s", " "))


def iwd(text: str, path: str, rules: Rules) -> str:
    """Return a network of iwd (iwd.network(5)) brought to the standard."""
    name, _, kind = path.rpartition("/")[2].rpartition(".")
    ssid = (
        bytes.fromhex(name[1:]).decode("utf-8", "replace") if re.match(r"^=([0-9a-f]{2})+$", name) else name
    )
    found = sections_of(text)
    settings = found.setdefault("Settings", Section([]))
    if not settings.lines:
        settings.lines.append("[Settings]")
    if ssid not in rules.networks:
        settings.set("AutoConnect", "false")
    allowed = {"psk": {"psk", "sae"}, "8021x": {"eap"}}.get(kind, set()) & rules.allowed
    if not allowed:
        rules.refuse(path, "this kind of network is not allowed; take it out")
        return joined_sections(found)
    settings.set("TransitionDisable", "true")
    if kind == "psk" and "psk" not in allowed:
        settings.set("DisabledTransitionModes", "personal")
    security = found.get("Security", Section([]))
    if kind == "psk":
        phrase = security.get("Passphrase")
        rules.check_length(path, re.sub(r"\\.", "x", phrase) if phrase else None)
    else:
        way = security.get("EAP-Method")
        if not (security.get(f"EAP-{way}-CACert") and security.get(f"EAP-{way}-ServerDomainMask")):
            rules.refuse(
                path, f"set EAP-{way}-CACert and EAP-{way}-ServerDomainMask, so that the server is known"
            )
    return joined_sections(found)


def shown(text: str) -> str:
    """Return what of a file may be shown: what is set here, and names; secrets may be anywhere else."""
    lines = []
    for line in text.split("\n"):
        if Section.name_of(line) in SHOWN:
            lines.append(re.sub(r"#.*", "# (not shown)", line))
        elif re.match(r"^\s*(\[[a-zA-Z0-9-]*\]|network=\{|\}|)\s*$", line):
            lines.append(line)
        else:
            lines.append("(a line that is not shown)")
    return "\n".join(lines)
