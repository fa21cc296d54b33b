"""What mail_forwarding reads: every table, file and script by which mail is sent on.

Addresses must leave the host, for they are what is judged; passwords must not. Of a program that mail is
handed to, only its name leaves; of a table that is not about addresses, only what sends mail elsewhere; of
a user's rules, only the commands that send. A user's file is read as that user, as the mail server does: a
link to another's file shows nothing. What a user wrote stands behind `>`, so that it is never a frame.
"""

from __future__ import annotations

from kijun.model import CommandRead
from kijun.topics._mail_reads import PATTERNS, RESTRICTION_LISTS

ADDRESSING = (
    "alias_maps",
    "virtual_alias_maps",
    "canonical_maps",
    "recipient_canonical_maps",
    "recipient_bcc_maps",
    "sender_bcc_maps",
    "transport_maps",
    "mailbox_transport_maps",
    "fallback_transport_maps",
    "mailbox_command_maps",
    "mydestination",
    "virtual_alias_domains",
    "virtual_mailbox_domains",
    "relay_domains",
)
CHECKS = (
    "header_checks",
    "mime_header_checks",
    "nested_header_checks",
    "body_checks",
    "milter_header_checks",
    "smtpd_data_restrictions",
    "smtpd_end_of_data_restrictions",
    *RESTRICTION_LISTS,
)
_SETTINGS = (
    *ADDRESSING,
    *CHECKS,
    "smtpd_restriction_classes",
    "always_bcc",
    "luser_relay",
    "forward_path",
    "recipient_delimiter",
    "mailbox_transport",
    "fallback_transport",
    "mailbox_command",
    "local_transport",
    "virtual_transport",
    "relay_transport",
    "content_filter",
    "smtpd_proxy_filter",
    "smtpd_milters",
    "non_smtpd_milters",
    "allow_percent_hack",
    "swap_bangpath",
    "myorigin",
    "myhostname",
    "mydomain",
    "mynetworks",
    "inet_interfaces",
)

# A program's arguments may hold a password: of `|program …` the program stays.
NO_ARGUMENTS = r"""s/|\([ \t]*[^ \t",]*\)[^",]*/|\1/g"""

# What a Sieve script does, without comments and `text:` blocks: only the commands that send, each on a line.
_SIEVE = r"""
kijun_sieve() {
awk '{sub(/\r$/, "")}
block {if ($0 == ".") block = 0; next}
/(^|[^"a-zA-Z])text:[ \t]*(#.*)?$/ {sub(/text:[ \t]*(#.*)?$/, "\"\""); block = 1}
{all = all $0 "\n"}
END {n = length(all)
for (i = 1; i <= n; i++) {c = substr(all, i, 1); two = substr(all, i, 2)
if (quoted) {cmd = cmd c; if (c == "\\") {i++; cmd = cmd substr(all, i, 1)} else if (c == "\"") quoted = 0}
else if (note) {if (two == "*/") {note = 0; i++}}
else if (two == "/*") {note = 1; i++}
else if (c == "#") {while (i < n && substr(all, i, 1) != "\n") i++; cmd = cmd " "}
else if (c == "\"") {quoted = 1; cmd = cmd c}
else if (c == ";" || c == "{" || c == "}") {tell(); cmd = ""}
else cmd = cmd (c == "\n" || c == "\t" ? " " : c)}
if (quoted || note || block) print "broken"
tell()}
function tell() {sub(/^ +/, "", cmd); gsub(/\n/, " ", cmd)
if (tolower(cmd) ~ /^(redirect|notify|include|pipe|execute|filter|report)([ :"]|$)/) print cmd}'
}
"""

USERS_FILES = r"""
kijun_forward() { sed '@NO_ARGUMENTS@'; }
kijun_procmail() {
grep -E '^[ \t]*(!|[|]|INCLUDERC|SWITCHRC)' | sed 's/^\([ \t]*|[ \t]*[^ \t]*\).*/\1/'
}
kijun_include() { kijun_forward; }
@SIEVE@
kijun_file() {
printf '@file %s %s %s\n' "$1" "$2" "$5"
kijun_text=$(setpriv --reuid="$3" --regid="$4" --clear-groups head -c 65537 -- "$5") &&
[ ${#kijun_text} -le 65536 ] && { printf '%s\n' "$kijun_text" | kijun_$1 | sed 's/^/>/'; echo @whole; }
}
# Paths with @H for the home and @U for the name; what is unknown in them is a pattern.
kijun_users() {
getent passwd | while IFS=: read -r kijun_user kijun_x kijun_uid kijun_gid kijun_x kijun_home kijun_x; do
case $kijun_home in /|'') continue ;; esac
case $kijun_home$kijun_user in *[!A-Za-z0-9_./@+-]*) echo odd; continue ;; esac
for kijun_path in $1; do
while :; do case $kijun_path in
*@H*) kijun_path=${kijun_path%%@H*}$kijun_home${kijun_path#*@H} ;;
*@U*) kijun_path=${kijun_path%%@U*}$kijun_user${kijun_path#*@U} ;;
*) break ;;
esac; done
for kijun_found in $kijun_path; do
if [ -f "$kijun_found" ]; then kijun_file forward "$kijun_user" "$kijun_uid" "$kijun_gid" "$kijun_found"; fi
done
done
if [ -x /usr/bin/procmail ] && [ -f "$kijun_home/.procmailrc" ]; then
kijun_file procmail "$kijun_user" "$kijun_uid" "$kijun_gid" "$kijun_home/.procmailrc"; fi
done
if [ -x /usr/bin/procmail ] && [ -f /etc/procmailrc ]; then kijun_file procmail - 0 0 /etc/procmailrc; fi
}
kijun_includes() {
kijun_seen=
kijun_next=$(printf '%s\n' "$1" | grep -o ':include:[^ ,"]*')
while [ -n "$kijun_next" ]; do
kijun_more=
for kijun_found in $kijun_next; do
kijun_found=${kijun_found#:include:}
case " $kijun_seen " in *" $kijun_found "*) continue ;; esac
kijun_seen="$kijun_seen $kijun_found"
if [ -f "$kijun_found" ]; then
kijun_file include - 0 0 "$kijun_found"
kijun_more="$kijun_more
$(grep -o ':include:[^ ,"]*' "$kijun_found")"
fi
done
kijun_next=$kijun_more
done
}
""".replace("@NO_ARGUMENTS@", NO_ARGUMENTS).replace("@SIEVE@", _SIEVE)

_POSTFIX = (
    r"""
if [ ! -x /usr/sbin/postconf ]; then echo absent; exit 0; fi
@FILE@
@PATTERNS@
kijun_listed() {
case $1 in
proxy:*) kijun_listed "${1#proxy:}" ;;
hash:*|btree:*|lmdb:*|cdb:*|dbm:*|sdbm:*|texthash:*)
postmap -c "$kijun_dir" -s "$1" && echo '@listed' ;;
cidr:*) kijun_lines <"${1#*:}" && echo '@listed' ;;
regexp:*|pcre:*) kijun_patterns <"${1#*:}" && echo '@listed' ;;
static:*) printf -- '-\t%s\n@listed\n' "${1#*:}" ;;
esac
}
kijun_dirs=$(postconf -hx config_directory multi_instance_directories) || exit 1
kijun_all= kijun_first= kijun_texts= kijun_forward=
for kijun_dir in $(printf '%s\n' "$kijun_dirs" | tr , ' '); do
printf '@instance %s\n' "$kijun_dir"
kijun_set=$(postconf -c "$kijun_dir" -x @SETTINGS@) || exit 1
kijun_classes=$(printf '%s\n' "$kijun_set" | sed -n 's/^smtpd_restriction_classes = *//p' | tr , ' ')
if [ -n "$kijun_classes" ]; then kijun_set="$kijun_set
$(postconf -c "$kijun_dir" -x $kijun_classes)"; fi
kijun_first=${kijun_first:-$kijun_set}
kijun_services=$(postconf -c "$kijun_dir" -M) || exit 1
kijun_overrides=$(postconf -c "$kijun_dir" -Px | grep -E '/(@NAMES@) = ')
# -Px leaves nothing of $home, which only the delivery knows.
kijun_forward="$kijun_forward
$(printf '%s\n' "$kijun_set" | grep '^forward_path = ')"
case $kijun_overrides in */forward_path\ =*) kijun_forward="$kijun_forward
$(postconf -c "$kijun_dir" -P | grep '/forward_path = ')" ;; esac
printf '@settings\n%s\n@services\n' "$kijun_set"
printf '%s\n' "$kijun_services" | awk '{print $1, $2, $3, $4, $5, $6, $7, $8}'
printf '@overrides\n%s\n' "$kijun_overrides"
kijun_all="$kijun_all
$kijun_services"
for kijun_table in $(printf '%s\n%s\n' "$kijun_set" "$kijun_overrides" | awk '
{rest = $0; sub(/^[^=]*= */, "", rest); name = $1; sub(/.*\//, "", name)
n = split(rest, w, /[ ,{}\t]+/)
for (i = 1; i <= n; i++)
if (w[i] ~ /^!?[a-z]+:[a-z]*:?[^0-9:.]/ && w[i] !~ /^(inet|unix|smtp|lmtp|relay|local):/)
{sub(/^!/, "", w[i]); full[w[i]] += (name ~ /^(@ADDRESSING@)$/)}}
END {for (t in full) print (full[t] ? "full" : "part") "," t}' | sort); do
kijun_part=${kijun_table%%,*}
kijun_table=${kijun_table#*,}
printf '@table %s\n' "$kijun_table"
kijun_rows=$(kijun_listed "$kijun_table")
printf '%s\n' "$kijun_rows" | sed '@NO_ARGUMENTS@' | awk -F '\t' -v part="$kijun_part" '
/^@listed$/ {whole = 1; next}
$1 == "@" || /^YP_(LAST_MODIFIED|MASTER_NAME)/ || !NF {next}
{value = $2; if (NF < 2) {value = $0; sub(/^[^ ]* */, "", value)}
key = $1; sub(/ .*/, "", key)}
part == "part" && toupper(value) !~ /^(REDIRECT|BCC|FILTER)([ \t]|$)/ {next}
++lines <= 50000 {print "=" key, value}
END {if (whole && lines <= 50000) print "@listed"}'
kijun_texts="$kijun_texts
$kijun_rows"
done
done
printf '@own\n%s\n' "$(ip -o addr show | awk '{print $4}')"
printf '@users\n'
printf '%s\n' "$kijun_all" | awk '$8 == "pipe" {argv = ""
for (i = 9; i <= NF; i++) if ($i ~ /^argv=/) argv = substr($i, 6)
print "pipe", $1, argv}'
kijun_origin=$(printf '%s\n' "$kijun_first" | sed -n 's/^myorigin = //p')
case $kijun_origin in /*) kijun_origin=$(head -n 1 "$kijun_origin") ;; esac
printf 'origin %s\nnss %s\n' "$kijun_origin" "$(sed -n 's/^passwd:[ \t]*//p' /etc/nsswitch.conf)"
kijun_delimiter=$(printf '%s\n' "$kijun_first" | sed -n 's/^recipient_delimiter = //p')
kijun_paths=$(printf '%s\n' "$kijun_forward" |
sed -n 's/^\(.*\/\)\{0,1\}forward_path =//p' | tr ',' ' ' | sed \
-e 's/[$][{(]*recipient_delimiter[)}]*/'"${kijun_delimiter:-+}"'/g' \
-e 's/[$][{(]*extension[)}]*/*/g' \
-e 's/[$][{(]*home[)}]*/@H/g' -e 's/[$][{(]*\(user\|local\)[)}]*/@U/g' -e 's/[$][{(]*[a-z_]*[)}]*/*/g')
kijun_users "$kijun_paths"
kijun_includes "$kijun_texts"
printf '%s\n%s\n' "$kijun_set" "$kijun_overrides" | tr ' ,{}\t' '\n\n\n\n\n' |
grep -E '^(proxy:)?(hash|btree|lmdb|cdb):/' | sort -u | while read -r kijun_table; do
kijun_path=${kijun_table##*:}
for kijun_made in "$kijun_path.db" "$kijun_path.lmdb" "$kijun_path.cdb"; do
if [ -e "$kijun_made" ] && [ "$kijun_path" -nt "$kijun_made" ]; then echo "stale $kijun_path"; fi
done
done
echo @end
""".replace("@FILE@", USERS_FILES)
    .replace("@PATTERNS@", PATTERNS)
    .replace("@SETTINGS@", " ".join(_SETTINGS))
    .replace("@NAMES@", "|".join(_SETTINGS))
    .replace("@ADDRESSING@", "|".join(ADDRESSING))
    .replace("@NO_ARGUMENTS@", NO_ARGUMENTS)
)
POSTFIX = CommandRead("mail_forwarding.postfix", _POSTFIX)

# Scripts are looked for where Dovecot looks for them by default; the judge says where that is not so.
_DOVECOT = r"""
if [ ! -x /usr/sbin/dovecot ]; then echo absent; exit 0; fi
@FILE@
dovecot --version
kijun_conf=$(doveconf -n 2>/dev/null)
printf '%s\n' "$kijun_conf" | grep -E '[{}]|sieve|mail_plugins|'\
'^ *(mail_home|driver|type|path|active_path|enotify|notify|vnd[.a-z]*|report) = '
echo @scripts
if [ -e /usr/lib/dovecot/modules/lib90_sieve_plugin.so ]; then
getent passwd | while IFS=: read -r kijun_user kijun_x kijun_uid kijun_gid kijun_x kijun_home kijun_x; do
case $kijun_home in /|'') continue ;; esac
case $kijun_home$kijun_user in *[!A-Za-z0-9_./@+-]*) echo odd; continue ;; esac
if [ -f "$kijun_home/.dovecot.sieve" ]; then
kijun_file sieve "$kijun_user" "$kijun_uid" "$kijun_gid" "$kijun_home/.dovecot.sieve"
for kijun_found in "$kijun_home"/sieve/*.sieve; do
if [ -f "$kijun_found" ]; then kijun_file sieve "$kijun_user" "$kijun_uid" "$kijun_gid" "$kijun_found"; fi
done
fi
done
for kijun_found in $(printf '%s\n' "$kijun_conf" | grep -E 'sieve|path' |
grep -oE '/[A-Za-z0-9_./-]+' | sort -u); do
case $kijun_found in /usr/*|/dev/*|/proc/*) continue ;; esac
for kijun_found in "$kijun_found" "$kijun_found"/*.sieve; do
case $kijun_found in *.sieve) if [ -f "$kijun_found" ]; then kijun_file sieve - 0 0 "$kijun_found"; fi ;; esac
done
done
fi
printf 'nss %s\n' "$(sed -n 's/^passwd:[ \t]*//p' /etc/nsswitch.conf)"
echo @end
""".replace("@FILE@", USERS_FILES)
DOVECOT = CommandRead("mail_forwarding.dovecot", _DOVECOT)
