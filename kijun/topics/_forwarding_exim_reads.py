"""What mail_forwarding reads of Exim: its routers as it sees them, what they look up, and what it answers.

Of a router or a transport only what decides where mail goes leaves the host, without passwords; of a filter,
only the commands that send. Sources: exim(8), "-bP", "-bt"; "The redirect router" and "Exim's interface to
mail filtering" of Exim's manual.
"""

from __future__ import annotations

from kijun.model import CommandRead
from kijun.topics._forwarding_reads import NO_ARGUMENTS, USERS_FILES

# What an Exim filter does: its words, without comments, and of them the commands that send mail. `mail` has
# words of its own for its recipients, and further ones whose text must not be taken for them.
_FILTER = r"""
kijun_filter() {
awk '{all = all $0 "\n"}
END {n = length(all)
for (i = 1; i <= n; i++) {c = substr(all, i, 1)
if (quoted) {if (c == "\\") {i++; w = w substr(all, i, 1)} else if (c == "\"") quoted = 0; else w = w c}
else if (c == "\"" && !begun) {quoted = begun = 1}
else if (c == "#" && !begun) {while (i < n && substr(all, i, 1) != "\n") i++}
else if (c ~ /[ \t\n()]/) {if (begun) word(); w = ""; begun = 0}
else {w = w c; begun = 1}}
if (quoted) print "broken"
if (begun) word()
if (all ~ /[$][{](run|perl|readsocket|dlfunc|readfile)[^a-z]/) print "run"}
function word(low) {gsub(/[\n\r]/, " ", w); low = tolower(w)
if (take != "") {if (take != "-") print take, w; take = ""; return}
if (low == "mail" || low == "vacation") {mail = 1; return}
if (mail && low ~ /^(to|cc|bcc)$/) {take = "mail"; return}
if (mail && low ~ /^(from|reply_to|subject|extra_headers|text|file|log|once|once_repeat)$/) {
take = "-"; return}
if (mail && low ~ /^(expand|return|message)$/) return
mail = 0
if (low == "deliver") take = "deliver"
if (low == "pipe") take = "pipe"}' | sed 's/^pipe \([^ ]*\).*/pipe \1/'
}
kijun_forward() {
IFS= read -r kijun_line
case $(printf %s "$kijun_line" | tr 'A-Z\t' 'a-z ' | tr -s ' ') in
'# exim filter'*|'#exim filter'*) echo '# Exim filter'; kijun_filter ;;
'# sieve filter'*|'#sieve filter'*) echo '# Sieve filter'; kijun_sieve ;;
*) { printf '%s\n' "$kijun_line"; cat; } | sed '@NO_ARGUMENTS@' ;;
esac
}
kijun_include() { kijun_forward; }
kijun_system() { kijun_forward; }
"""

_EXIM = r"""
if [ ! -x /usr/sbin/exim4 ]; then echo absent; exit 0; fi
@FILE@
@FILTER@
kijun_main=$(exim4 -bP primary_hostname qualify_domain system_filter errors_copy +local_domains) || exit 1
printf '%s\n' "$kijun_main"
kijun_routers=$(exim4 -bP routers | sed -n -e '/ router:$/p' -e 's/pass\(word\)\{0,1\}=[^ }]*/pass=-/g' \
-e '/^\(driver\|domains\|condition\|data\|file\|route_data\|route_list\|transport\|qualify_domain\) = ./p' \
-e '/^unseen$/p')
kijun_transports=$(exim4 -bP transports | sed -n -e '/ transport:$/p' \
-e 's/^\(command\|transport_filter\) = \([^ ]\{1,\}\).*/\1 = \2/p' \
-e '/^\(driver\|hosts\|to\|cc\|bcc\|shadow_transport\) = ./p')
kijun_rewrites=$(exim4 -bP config | sed -n -e '/^begin rewrite/,/^begin /{' -e '/^begin /d' -e '/./p' -e '}')
printf '@routers\n%s\n@transports\n%s\n@rewrites\n%s\n' "$kijun_routers" "$kijun_transports" "$kijun_rewrites"
printf '%s\n' "$kijun_transports" | sed -n 's/^command = //p' | sort -u | while read -r kijun_program; do
if [ ! -x "$kijun_program" ]; then printf 'absent %s\n' "$kijun_program"; fi
done
printf '@tables\n'
kijun_tables=$(printf '%s\n%s\n' "$kijun_routers" "$kijun_rewrites" |
grep -oE '(lsearch|iplsearch)[*@]{0,2}[;{] *[^];} :]+' | sed 's/^[^;{]*[;{] *//' | grep '^/[^$]*$' | sort -u)
kijun_texts=$(printf '%s\n' "$kijun_routers" | grep '^data = ')
kijun_keys=
for kijun_table in $kijun_tables; do
printf '@table %s\n' "$kijun_table"
if [ ! -f "$kijun_table" ]; then printf '@listed\n'; continue; fi
kijun_rows=$(awk '/^[ \t]*#/ || /^[ \t]*$/ {next} /^[ \t]/ {sub(/^[ \t]+/, ""); row = row " " $0; next}
{if (row != "") print row; row = $0} END {if (row != "") print row; print "@listed"}' "$kijun_table")
kijun_texts="$kijun_texts
$kijun_rows"
kijun_keys="$kijun_keys $(printf '%s\n' "$kijun_rows" |
sed -n 's/^"\{0,1\}\([A-Za-z0-9._+-]\{1,\}\)"\{0,1\}[ \t]*:.*/\1/p')"
printf '%s\n' "$kijun_rows" | head -n 50001 | sed -e '@NO_ARGUMENTS@' -e '/^@listed$/!s/^/=/'
done
printf '@files\n'
kijun_paths=$(printf '%s\n' "$kijun_routers" | sed -n 's/^file = //p' |
sed -e 's/[$][{]\{0,1\}home}\{0,1\}/@H/g' \
-e 's/[$][{]\{0,1\}local_part\(_data\)\{0,1\}\([^_a-z]\|$\)/@U\2/g' -e 's/@U}/@U/g' \
-e 's/[$][{]\{0,1\}[a-z_]*}\{0,1\}/*/g' | grep -E '^[A-Za-z0-9_./+@*-]+$')
kijun_users "$kijun_paths"
for kijun_found in $(printf '%s\n' "$kijun_paths" | grep '^/[^@*]*$'); do
if [ -f "$kijun_found" ]; then kijun_file forward - 0 0 "$kijun_found"; fi
done
kijun_found=$(printf '%s\n' "$kijun_main" | sed -n 's/^system_filter = *//p')
if [ -f "$kijun_found" ]; then kijun_file system - 0 0 "$kijun_found"; fi
kijun_includes "$kijun_texts
$(printf '%s\n' "$kijun_paths" | grep -q @H && getent passwd | cut -d: -f6 | sed 's~$~/.forward~' |
xargs grep -ohs ':include:.*')"
printf 'nss %s\n@end\n' "$(sed -n 's/^passwd:[ \t]*//p' /etc/nsswitch.conf)"
set -- $(getent passwd | awk -F: '$3 == 0 || ($3 >= 1000 && $3 < 60000) {print $1}') $kijun_keys
printf '@asked %d\n' $#
if [ $# -le 1000 ]; then timeout 10 exim4 -bt -- "$@" | sed '@NO_ARGUMENTS@'; fi
echo @end
"""
EXIM = CommandRead(
    "mail_forwarding.exim",
    _EXIM.replace("@FILE@", USERS_FILES).replace("@FILTER@", _FILTER).replace("@NO_ARGUMENTS@", NO_ARGUMENTS),
)
