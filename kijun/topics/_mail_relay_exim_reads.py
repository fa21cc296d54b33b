"""What mail_relay reads of Exim: its settings, its rules, who checks logins, and what it answers outsiders.

Of the rules only the conditions leave the host, of a check of logins only what it comes to.
"""

from __future__ import annotations

from kijun.model import CommandRead
from kijun.parsers.exim_acl import MODIFIERS
from kijun.topics._mail_reads import PROBE_DOMAIN

OUTSIDE = ("203.0.113.9", "2001:db8::9")  # RFC 5737, RFC 3849: nobody's addresses

# What somebody outside would try, first with a plain recipient under three senders, then with routed ones.
# `exim4 -bh` runs the real ACLs as if for that address, and keeps nothing (exim(8), "Options: -bh").
SENDERS = (f"probe@{PROBE_DOMAIN}", "", "postmaster@@OWN@")
ROUTED = (
    f"user%{PROBE_DOMAIN}@@OWN@",
    f"{PROBE_DOMAIN}!user@@OWN@",
    f"@@OWN@:user@{PROBE_DOMAIN}",
    f"user@{PROBE_DOMAIN}@@OWN@",
    f'"user@{PROBE_DOMAIN}"@@OWN@',
)


def _session() -> str:
    lines = [f"EHLO {PROBE_DOMAIN}"]
    for sender in SENDERS:
        lines += [f"MAIL FROM:<{sender}>", f"RCPT TO:<user@{PROBE_DOMAIN}>"]
        lines += [f"RCPT TO:<{form}>" for form in ROUTED] if sender == SENDERS[0] else []
        lines += ["RSET"]
    return "\n".join([*lines, "QUIT"]).replace("@OWN@", "$kijun_own")


# A daemon is asked with the options that it was started with, at each address that it listens on: rules may
# depend on the port. A configuration that others than root can write is not run, for this runs as root.
_EXIM = r"""
if [ ! -x /usr/sbin/exim4 ]; then echo absent; exit 0; fi
kijun_own=$(exim4 -bP qualify_domain | sed 's/.*= *//')
printf '@settings\n'
exim4 -bP configure_file local_interfaces hosts_proxy message_size_limit acl_smtp_rcpt tls_on_connect_ports \
percent_hack_domains
printf '@list relay_from_hosts\n%s\n' "$(exim4 -bP +relay_from_hosts)"
printf '@list relay_to_domains\n%s\n' "$(exim4 -bP +relay_to_domains)"
printf '@list local_domains\n%s\n' "$(exim4 -bP +local_domains)"
printf '@acl\n'
exim4 -bP config | sed -n -e '/^\(hide *\)\{0,1\}[a-z]*list\(_cache\)\{0,1\} /p' \
-e '/^begin acl/,/^begin \([^a]\|au\)/{
/^ *\(@MODIFIERS@\)[ =]/d
s/^\( *[a-z]*\) \(@MODIFIERS@\)[ =].*/\1/
s/pass\(word\)\{0,1\}=[^ }]*/pass=-/g
/^ *[a-zA-Z0-9_]*:$/p
/^ *\(accept\|defer\|deny\|discard\|drop\|require\|warn\)\( \|$\)/p
/^ *!\{0,1\} *[a-z_]* *=/p
}'
printf '@authenticators\n'
exim4 -bP authenticators | while IFS= read -r kijun_line; do
case $kijun_line in
*' authenticator:'|'driver = '*|'public_name = '*) printf '%s\n' "$kijun_line" ;;
'server_condition = '*)
kijun_check=${kijun_line#*= }
if [ -z "$kijun_check" ]; then continue; fi
if printf '%s\n' "$kijun_check" | grep -Eqw '@ELSEWHERE@'; then
printf 'server_condition %s\n' "$(printf '%s\n' "$kijun_check" | sed -n -E '
s/^[$][{]if *(pam|radius|saslauthd|ldapauth) *[{].*[}]([{](1|yes|true)[}][{](0|no|false)[}])?[}]$/asks \1/p' |
grep . || echo unclear)"
continue
fi
for kijun_given in 'probe probe' 'probe' ''; do
kijun_said=$(exim4 -be "$(printf '%s\n' "$kijun_check" | awk -v given="$kijun_given" '{split(given, g, " ")
gsub(/[$][{](auth)?1[}]|[$](auth)?1/, "kijun-probe"); gsub(/[$][{](auth)?2[}]|[$](auth)?2/, g[1])
gsub(/[$][{](auth)?3[}]|[$](auth)?3/, g[2]); print}')" 2>/dev/null </dev/null)
case $kijun_said in
''|0|no|No|NO|false|False|FALSE|'Failed:'*) ;;
*) echo 'server_condition true'; continue 2 ;;
esac
done
echo 'server_condition checked' ;;
esac
done
kijun_addresses=$(ip -o addr show scope global | awk '{sub(/\/.*/, "", $4); print $4}')
kijun_sockets=$(ss -Hltnp | sed -n 's/^[^ ]* *[^ ]* *[^ ]* *\([^ ]*\) .*"exim4",pid=\([0-9]*\),.*/\1 \2/p' |
grep -v -e '^127\.' -e '^\[::1\]:' | sort -u)
kijun_roots() {
kijun_path=$1
while [ -n "$kijun_path" ]; do
case $(stat -c '%u %A' -- "$kijun_path") in '0 '?????-??-?) ;; *) return 1 ;; esac
kijun_path=${kijun_path%/*}
done
[ -f "$1" ]
}
kijun_session() {
set -- exim4 -bh "$1" ${2:+-oMi "$2"}
kijun_given=
while IFS= read -r kijun_arg; do
case $kijun_given$kijun_arg in
-C) kijun_given=-C; continue ;;
-C*) kijun_file=$(readlink -f -- "${kijun_arg#-C}")
if ! kijun_roots "$kijun_file"; then printf '@ended refused\n'; return; fi
set -- "$@" "-C$kijun_file" ;;
-D?*) set -- "$@" "$kijun_arg" ;;
esac
kijun_given=
done <<kijun_end
$kijun_started
kijun_end
kijun_said=$(sed 's/$/\r/' <<kijun_end | timeout 8 "$@" 2>/dev/null
@SESSION@
kijun_end
)
set -- $?
printf '%s\n@ended %s\n' "$kijun_said" "$1" | sed -e 's/^220 .*/220 -/' -e '/^[*]/d' -e '/^$/d'
}
kijun_started=
if [ -z "$kijun_sockets" ]; then
for kijun_from in @OUTSIDE@; do
printf '@session %s\n' "$kijun_from"
kijun_session "$kijun_from"
done
fi
printf '%s\n' "$kijun_sockets" | while read -r kijun_where kijun_pid; do
if [ -z "$kijun_pid" ]; then continue; fi
kijun_started=$(tr '\0' '\n' <"/proc/$kijun_pid/cmdline")
kijun_port=${kijun_where##*:}
kijun_where=${kijun_where%:*}
kijun_where=${kijun_where%\%*}
kijun_where=${kijun_where#[}
kijun_where=${kijun_where%]}
for kijun_at in $(printf '%s\n' "$kijun_addresses" | awk -v where="$kijun_where" '
where == "0.0.0.0" ? !/:/ : where == "::" ? /:/ : where == "*" {if (++n <= 8) print; found = 1}
END {if (!found && where != "*") print where}'); do
case $kijun_at in *:*) kijun_from=@OUTSIDE6@ ;; *) kijun_from=@OUTSIDE4@ ;; esac
printf '@session %s to %s:%s\n' "$kijun_from" "$kijun_at" "$kijun_port"
kijun_session "$kijun_from" "$kijun_at.$kijun_port"
done
done
printf '@own\n%s\n' "$(ip -o addr show | awk '{print $4}')"
"""
# What a check of logins asks elsewhere, or does besides: it is not tried out.
_ELSEWHERE = (
    "run|perl|dlfunc|readsocket|readfile|acl|pam|radius|saslauthd|ldapauth|ldap|ldapm|ldapdn|mysql|pgsql|redis"
    "|oracle|ibase|dnsdb|whoson|nis|nisplus|pwcheck"
)
EXIM = CommandRead(
    "mail_relay.exim",
    _EXIM.replace("@OUTSIDE@", " ".join(OUTSIDE))
    .replace("@OUTSIDE4@", OUTSIDE[0])
    .replace("@OUTSIDE6@", OUTSIDE[1])
    .replace("@ELSEWHERE@", _ELSEWHERE)
    .replace("@MODIFIERS@", r"\|".join(MODIFIERS))
    .replace("@SESSION@", _session()),
)
