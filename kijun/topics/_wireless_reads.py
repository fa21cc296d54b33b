"""What is read from a host for its wireless networks.

The files hold passphrases, so no file is brought over. One `awk` on the host lets through named settings
only, and of those only words that a standard knows, numbers, names of networks and of interfaces, or that
something is set. Of a secret it says how long it is.
"""

from __future__ import annotations

from kijun.model import CommandRead

# Which configuration files a running program was started with: hostapd(8), wpa_supplicant(8).
_DAEMONS = r"""
kijun_daemon() {
kijun_word=
{ read -r kijun_word <"$1/comm"; } 2>/dev/null
case $kijun_word in
hostapd) kijun_kind=hostapd ;;
wpa_supplicant) kijun_kind=supplicant ;;
*) return 1 ;;
esac
}
kijun_given() {
tr '\000' '\n' <"$1/cmdline" | awk -v kind="$kijun_kind" -v home="$(readlink "$1/cwd")" '
function path(text) {print text ~ /^\// ? text : home "/" text}
NR == 1 {next}
want {path($0); want = 0; next}
kind == "supplicant" {if (match($0, /^-[a-zA-Z]*[cI]\//)) path(substr($0, RLENGTH))
else if (/^-[cI]./) path(substr($0, 3))
else if (/^-[a-zA-Z]*[cI]$/) want = 1; next}
/^-[a-zA-Z]*[befiPugG]$/ {getline; next}
!/^-/ {path($0)}'
}
"""

# One list of files for all programs, each with its kind before it: what lies where Debian's packages look,
# and what runs was started with. `read` and the shell's own globbing start no process.
_LIST = r"""
set --
kijun_add() {
case $2 in *.dpkg-*|*~|*.bak|*.swp) return 1 ;; esac
case "$kijun_seen" in *"|$2|"*) return 1 ;; esac
if [ -f "$2" ]; then kijun_seen="$kijun_seen|$2|"; kijun_files=$((kijun_files + 1)); return 0; fi
return 1
}
kijun_seen= kijun_files=0
for kijun_radio in /sys/class/ieee80211/*; do
if [ -e "$kijun_radio" ]; then printf '@radio\t%s\n' "${kijun_radio##*/}"; fi
done
for kijun_path in /etc/hostapd.conf /etc/hostapd/*.conf; do
if kijun_add hostapd "$kijun_path"; then set -- "$@" hostapd "$kijun_path"; fi
done
if [ -r /etc/default/hostapd ]; then
while IFS= read -r kijun_line; do
case $kijun_line in DAEMON_CONF=*)
for kijun_path in $(printf '%s' "${kijun_line#*=}" | tr -d \"\'); do
if kijun_add hostapd "$kijun_path"; then set -- "$@" hostapd "$kijun_path"; fi
done ;;
esac
done </etc/default/hostapd
fi
for kijun_path in /etc/wpa_supplicant.conf /etc/wpa_supplicant/*.conf /run/netplan/wpa-*.conf; do
if kijun_add supplicant "$kijun_path"; then set -- "$@" supplicant "$kijun_path"; fi
done
for kijun_path in /etc/NetworkManager/system-connections/* /run/NetworkManager/system-connections/* \
/usr/lib/NetworkManager/system-connections/*; do
if kijun_add manager "$kijun_path"; then set -- "$@" manager "$kijun_path"; fi
done
for kijun_path in /etc/iwd/main.conf /var/lib/iwd/*.open /var/lib/iwd/*.psk /var/lib/iwd/*.8021x; do
if kijun_add iwd "$kijun_path"; then set -- "$@" iwd "$kijun_path"; fi
done
for kijun_path in /var/lib/iwd/ap/*.ap; do
if [ -e "$kijun_path" ]; then printf '@stranger\t%s\n' "an access point of iwd"; fi
done
if [ -x /usr/sbin/connmand ]; then printf '@stranger\tConnMan\n'; fi
for kijun_path in /etc/NetworkManager/NetworkManager.conf /etc/NetworkManager/conf.d/*.conf; do
if [ ! -f "$kijun_path" ]; then continue; fi
while IFS=' =' read -r kijun_word _; do
if [ "$kijun_word" = path ]; then printf '@stranger\tprofiles in a folder named in %s\n' "$kijun_path"; fi
done <"$kijun_path"
done
for kijun_path in /etc/network/interfaces /etc/network/interfaces.d/*; do
if [ ! -f "$kijun_path" ]; then continue; fi
while read -r kijun_word kijun_value _; do
case $kijun_word in
wpa-conf|wpa-roam)
if kijun_add supplicant "$kijun_value"; then set -- "$@" supplicant "$kijun_value"; fi ;;
wpa-ssid|wpa-psk|wpa-key-mgmt|wireless-*) printf '@stranger\t%s in %s\n' "$kijun_word" "$kijun_path" ;;
esac
done <"$kijun_path"
done
for kijun_proc in /proc/[0-9]*; do
kijun_daemon "$kijun_proc" || continue
kijun_old=$IFS
IFS='
'
for kijun_path in $(kijun_given "$kijun_proc"); do
if kijun_add "$kijun_kind" "$kijun_path"; then set -- "$@" "$kijun_kind" "$kijun_path"; fi
if [ ! -f "$kijun_path" ]; then printf '@stranger\ta running %s whose file is not there\n' "$kijun_word"; fi
done
IFS=$kijun_old
done
if [ "$kijun_files" -eq 0 ]; then printf '@end\n'; exit 0; fi
"""

# Settings by what may be said of them: words that the program knows, free names, or only that they are set.
_WORDS = {
    "hostapd": "wpa wpa_key_mgmt wpa_pairwise rsn_pairwise group_cipher ieee80211w wps_state ieee8021x osen",
    "supplicant": "key_mgmt proto pairwise group ieee80211w eap disabled mode pmf ap_scan",
    "manager": "type autoconnect mode key-mgmt proto pairwise group pmf wps-method eap system-ca-certs",
    "iwd": "AutoConnect TransitionDisable DisabledTransitionModes EAP-Method ManagementFrameProtection",
}
_NAMES = {
    "hostapd": "interface bss bridge ssid ssid2",
    "supplicant": "ssid",
    "manager": "ssid interface-name",
    "iwd": "",
}
_SET = {
    "hostapd": "",
    "supplicant": "ca_cert ca_path domain_suffix_match domain_match altsubject_match",
    "manager": "ca-cert ca-path domain-suffix-match domain-match altsubject-matches",
    "iwd": "EAP-TLS-CACert EAP-TTLS-CACert EAP-PEAP-CACert "
    "EAP-TLS-ServerDomainMask EAP-TTLS-ServerDomainMask EAP-PEAP-ServerDomainMask",
}
_SECRETS = {
    "hostapd": "wpa_passphrase wpa_psk sae_password wep_key0 wep_key1 wep_key2 wep_key3 ap_pin "
    "auth_server_shared_secret acct_server_shared_secret private_key_passwd",
    "supplicant": "psk sae_password wep_key0 wep_key1 wep_key2 wep_key3 pin "
    "password private_key_passwd private_key2_passwd",
    "manager": "psk wep-key0 wep-key1 wep-key2 wep-key3 leap-password pin "
    "password password-raw private-key-password phase2-private-key-password",
    "iwd": "Passphrase PreSharedKey EncryptedSecurity EAP-Password EAP-Password-Hash "
    "EAP-TLS-ClientKeyPassphrase EAP-TTLS-Phase2-Password EAP-PEAP-Phase2-Password",
}
_FILES = {
    "hostapd": "wpa_psk_file sae_password_file private_key eap_user_file radius_server_clients",
    "supplicant": "private_key private_key2",
    "manager": "private-key phase2-private-key",
    "iwd": "EAP-TLS-ClientKey EAP-TLS-ClientKeyBundle",
}


def _table(name: str, settings: dict[str, str]) -> str:
    return "".join(f'{name}["{kind}"] = " {words} "\n' for kind, words in settings.items())


_AWK = r"""
function shown(text) {gsub(/[\001-\037\177]/, "?", text); return substr(text, 1, 200)}
function unquoted(text) {if (text ~ /^".*"$/) return substr(text, 2, length(text) - 2); return text}
function has(list, key) {return key ~ /^[A-Za-z0-9_-]+$/ && index(list, " " key " ")}
function words(text, n, i, parts, out) {
sub(/#.*/, " ?", text); gsub(/[,;"]/, " ", text)
n = split(toupper(text), parts, " ")
for (i = 1; i <= n; i++) out = out " " (parts[i] ~ KNOWN ? parts[i] : "?")
return substr(out, 2)
}
function secret(kind, key, value, form, n) {
form = "text"
if (key == "sae_password" && match(value, /\|(mac|vlanid|pk|id)=/)) value = substr(value, 1, RSTART - 1)
if (kind == "supplicant") {
if (value ~ /^(hash|ext):/) form = "raw"
else if (value ~ /^P?".*"$/) {sub(/^P/, "", value); value = unquoted(value)}
else if (key == "psk") form = "raw"
}
if (kind == "manager" || kind == "iwd") gsub(/\\./, "x", value)
if (key == "PreSharedKey" || key == "EncryptedSecurity" || key ~ /-Hash$/) form = "raw"
n = length(value)
if (n == 64 && value ~ /^[0-9a-fA-F]+$/ && key ~ /^(wpa_psk|psk)$/) form = "raw"
printf "#\t%s\t%s\t%s\t%d\n", block, key, form, n
}
function held(key, path, meta, line, short, n, quoted) {
path = unquoted(path); sub(/^file:\/\//, "", path)
if (path !~ /^\//) return
quoted = path; gsub(/\047/, "\047\\\047\047", quoted)
cmd = "stat -L -c \"%a %u %g\" -- \047" quoted "\047"
meta = ""; cmd | getline meta; close(cmd)
gsub(/ /, "\t", meta)
short = "-"
if (key == "wpa_psk_file" || key == "sae_password_file") while ((getline line < path) > 0) {
if (line ~ /^#/ || line ~ /^[ \t]*$/) continue
if (key == "wpa_psk_file") {
while (line ~ /^(keyid|wps|vlanid)=[^ ]* /) sub(/^[^ ]* /, "", line)
sub(/^[^ ]* /, "", line)
} else if (match(line, /\|(mac|vlanid|pk|id)=/)) line = substr(line, 1, RSTART - 1)
n = length(line)
if (short == "-" || n < short) short = n
}
close(path)
printf "@held\t%s\t%s\t%s\t%s\t%s\n", block, key, shown(path), meta == "" ? "absent" : meta, short
}
function setting(kind, key, value) {
if (has(WORDS[kind], key)) printf "=\t%s\t%s\t%s\n", block, key, words(value)
else if (has(NAMES[kind], key)) printf "=\t%s\t%s\t%s\n", block, key, shown(value)
else if (has(SET[kind], key)) {
value = value ~ /probe:\/\// ? "probe" : unquoted(value) == "" ? "" : "set"
printf "=\t%s\t%s\t%s\n", block, key, value
}
else if (has(SECRETS[kind], key)) secret(kind, key, value)
else if (has(FILES[kind], key)) held(key, value)
}
function line_of(kind, line, at, first, last, rest) {
if (kind == "hostapd") {
if (line ~ /^#/ || !(at = index(line, "="))) return
if (substr(line, 1, at - 1) == "bss") block++
setting(kind, substr(line, 1, at - 1), substr(line, at + 1))
return
}
sub(/^[ \t\r]+/, "", line); sub(/[ \t\r]+$/, "", line)
if (line == "" || line ~ /^[#;]/) return
if (kind == "supplicant") {
first = index(line, "\""); last = 0
if (first) for (last = length(line); last > first && substr(line, last, 1) != "\""; last--) ;
if (last <= first) last = 0
rest = substr(line, last + 1)
if (at = index(rest, "#")) {line = substr(line, 1, last + at - 1); sub(/[ \t]+$/, "", line)}
if (line ~ /^network=\{/) {block = ++blocks; printf "=\t%s\tnetwork\t\n", block; return}
if (line ~ /^(cred|blob-base64-.*)=\{/) {if (line ~ /^cred/) print "=\t0\tcred\t"; skipping = 1; return}
if (line == "}") {block = 0; skipping = 0; return}
} else if (line ~ /^\[.*\]$/) {
block = substr(line, 2, length(line) - 2)
if (block !~ SECTIONS) block = "?"
return
}
if (skipping || !(at = index(line, "="))) return
rest = substr(line, at + 1); sub(/^[ \t]+/, "", rest)
first = substr(line, 1, at - 1); sub(/[ \t]+$/, "", first)
setting(kind, first, rest)
}
BEGIN {
SECTIONS = "^(connection|(wifi|802-11-wireless)(-security)?|802-1x|General|Settings|Security)$"
KNOWN = "^(WPA2?|RSN|NONE|OWE|DPP|OSEN|WPS|IEEE8021X|SAE(-EXT-KEY)?|[CG]CMP(-256)?|TKIP|WEP(40|104)?" \
"|LEAP|TLS|PEAP|TTLS|PWD|FAST|TEAP|MD5|MSCHAPV2|SIM|AKA|GTC|OTP" \
"|(WPA|FT|FILS)(-(PSK|EAP|SAE|NONE|EXT|KEY|SUITE|B|192|FILS|SHA256|SHA384))+" \
"|TRUE|FALSE|YES|NO|[0-9][0-9]?[0-9]?|PERSONAL|ENTERPRISE|OPEN|INFRASTRUCTURE|ADHOC|AP|MESH|WIFI|802-11-WIRELESS)$"
@TABLES@
for (i = 1; i < ARGC; i += 2) {
kind = ARGV[i]; path = ARGV[i + 1]
getline meta < "/dev/stdin"; gsub(/ /, "\t", meta)
printf "@file\t%s\t%s\t%s\n", kind, shown(path), meta
block = 0; blocks = 0; skipping = 0
while ((got = (getline line < path)) > 0) line_of(kind, line)
if (got < 0) print "@unread"
close(path)
}
print "@end"
}
""".replace(
    "@TABLES@",
    _table("WORDS", _WORDS)
    + _table("NAMES", _NAMES)
    + _table("SET", _SET)
    + _table("SECRETS", _SECRETS)
    + _table("FILES", _FILES),
)

_ENTRIES = r"""
(
for kijun_path in "$@"; do
shift
case $kijun_path in /*) set -- "$@" "$kijun_path" ;; esac
done
stat -L -c '%a %u %g' -- "$@"
) | awk '@AWK@' "$@"
"""
CONFIGURATION = CommandRead(
    "wireless.configuration", _DAEMONS + _LIST + _ENTRIES.replace("@AWK@", _AWK.strip())
)

# How old each program is (proc(5): field 22 of stat, in 1/100 s), and when its configuration was written.
RUNNING = CommandRead(
    "wireless.running",
    _DAEMONS
    + r"""
read -r kijun_up _ </proc/uptime
kijun_up=${kijun_up%.*}
for kijun_proc in /proc/[0-9]*; do
kijun_daemon "$kijun_proc" || continue
kijun_line=
{ read -r kijun_line <"$kijun_proc/stat"; } 2>/dev/null
set -- ${kijun_line##*) }
shift 19
printf '@process\t%s\t%s\n' "$kijun_kind" $((kijun_up - $1 / 100))
kijun_given "$kijun_proc" | while IFS= read -r kijun_path; do
printf '@path\t%s\t%s\n' "$(stat -L -c %Y -- "$kijun_path")" "$kijun_path"
done
done
printf '@end\n'
""",
    volatile=True,
)
