"""What the mail topics read from a host: the effective configuration of Postfix and Exim, and what runs.

Only named settings leave the host: main.cf, master.cf and tables may hold passwords and addresses. Of a
table, a key leaves only where it is a network, and of a value the first word.
"""

from __future__ import annotations

from kijun.model import CommandRead

MAIL_PORTS = (25, 465, 587)
PROBE_DOMAIN = "kijun-probe.invalid"  # RFC 2606: no domain of anybody

RESTRICTION_LISTS = (
    "smtpd_client_restrictions",
    "smtpd_helo_restrictions",
    "smtpd_sender_restrictions",
    "smtpd_relay_restrictions",
    "smtpd_recipient_restrictions",
)
DOMAIN_LISTS = ("relay_domains", "virtual_alias_domains", "virtual_mailbox_domains")
_SETTINGS = (
    *RESTRICTION_LISTS,
    *DOMAIN_LISTS,
    "smtpd_restriction_classes",
    "mynetworks",
    "mydestination",
    "myhostname",
    "mydomain",
    "inet_interfaces",
    "inet_protocols",
    "parent_domain_matches_subdomains",
    "smtpd_delay_reject",
    "allow_untrusted_routing",
    "smtpd_authorized_xclient_hosts",
    "smtpd_upstream_proxy_protocol",
    "postscreen_upstream_proxy_protocol",
    "qmqpd_authorized_clients",
    "smtpd_sasl_auth_enable",
    "smtpd_sasl_security_options",
    "smtpd_sasl_tls_security_options",
    "smtpd_tls_auth_only",
    "smtpd_tls_security_level",
    "smtpd_tls_wrappermode",
    "smtpd_enforce_tls",
    "message_size_limit",
    "mailbox_size_limit",
    "virtual_mailbox_limit",
    "mailbox_transport",
    "mailbox_command",
    "home_mailbox",
    "local_transport",
    "virtual_transport",
)

# Text tables as Postfix takes them (regexp_table(5), cidr_table(5)): a line that begins with a space goes
# with the one before. Of a pattern only what it leads to is printed, behind a tab.
PATTERNS = r"""
kijun_lines() {
awk '/^[ \t]*(#|$)/ {next}
/^[ \t]/ {line = line $0; next}
{if (line != "") print line; line = $0}
END {if (line != "") print line}'
}
kijun_patterns() {
kijun_lines | awk 'tolower($0) ~ /^(if|endif)([ \t]|$|[^a-z])/ {next}
{line = $0; sub(/^![ \t]*/, "", line); mark = substr(line, 1, 1)
for (i = 2; i <= length(line) && substr(line, i, 1) != mark; i++) if (substr(line, i, 1) == "\\") i++
line = substr(line, i + 1); sub(/^[A-Za-z]*[ \t]+/, "", line); print "-\t" line}'
}
"""

# One `postconf` per kind of answer; -x expands $name, so that what is judged is what the daemons see. Tables
# that have no finite list of keys (static, regexp) are asked for a domain that nobody can own.
_POSTFIX = (
    r"""
if [ ! -x /usr/sbin/postconf ]; then echo absent; exit 0; fi
@PATTERNS@
kijun_dirs=$(postconf -hx config_directory multi_instance_directories) || exit 1
for kijun_dir in $(printf '%s\n' "$kijun_dirs" | tr , ' '); do
printf '@instance %s\n' "$kijun_dir"
kijun_classes=$(postconf -c "$kijun_dir" -hx smtpd_restriction_classes | tr , ' ')
kijun_set=$(postconf -c "$kijun_dir" -x @SETTINGS@ $kijun_classes) || exit 1
kijun_services=$(postconf -c "$kijun_dir" -M) || exit 1
kijun_overrides=$(postconf -c "$kijun_dir" -Px | grep -E '/(@NAMES@) = ')
printf '@settings\n%s\n@services\n' "$kijun_set"
printf '%s\n' "$kijun_services" | awk '{print $1, $2, $3, $4, $5, $6, $7, $8}'
printf '@overrides\n%s\n' "$kijun_overrides"
for kijun_table in $(printf '%s\n%s\n' "$kijun_set" "$kijun_overrides" | tr ' ,{}\t' '\n\n\n\n\n' |
grep -E '^!?[a-z]+:[a-z]*:?[^0-9:.]' | grep -vE '^(inet|unix):' | sort -u); do
kijun_table=${kijun_table#!}
printf '@table %s\n' "$kijun_table"
kijun_path=${kijun_table#*:}
case $kijun_table in
hash:*|btree:*|lmdb:*|cdb:*|dbm:*|sdbm:*|texthash:*)
postmap -c "$kijun_dir" -s "$kijun_table" 2>&1 && echo '@listed' ;;
cidr:*) kijun_lines <"$kijun_path" && echo '@listed' ;;
regexp:*|pcre:*) kijun_patterns <"$kijun_path" && echo '@listed' ;;
static:*) printf -- '- %s\n@listed\n' "$kijun_path" ;;
esac | awk '/^@listed$/ {print; next} {k = $1; if (k !~ /^[0-9a-fA-F:.\/\[\]]+$/ || k !~ /[.:]/) k = "-";
if (!seen[k " " $2]++ && ++lines <= 500) print k, $2}'
printf '@probe %s\n' "$(postmap -c "$kijun_dir" -q @PROBE@ "$kijun_table" 2>/dev/null | head -c 40)"
done
done
printf '@own\n%s\n' "$(ip -o addr show | awk '{print $4}')"
""".replace("@PATTERNS@", PATTERNS)
    .replace("@SETTINGS@", " ".join(_SETTINGS))
    .replace("@NAMES@", "|".join(_SETTINGS))
    .replace("@PROBE@", PROBE_DOMAIN)
)
POSTFIX = CommandRead("mail_relay.postfix", _POSTFIX)

# How old each mail process is, from /proc without a process for each (proc(5), field 22 of stat, in 1/100 s);
# who listens where; and when the configuration was written. A reload starts Postfix's qmgr anew, but not its
# master; of a reload of Exim only its log tells.
RUNNING = CommandRead(
    "mail_relay.running",
    r"""
if [ ! -x /usr/sbin/postconf ] && [ ! -x /usr/sbin/exim4 ]; then echo absent; fi
cat /proc/[0-9]*/stat | awk 'BEGIN {getline up < "/proc/uptime"; split(up, u, " ")}
match($0, /\(.*\)/) {name = substr($0, RSTART + 1, RLENGTH - 2)
if (name ~ /^(master|qmgr|smtpd|postscreen|qmqpd|exim4)$/) {split(substr($0, RSTART + RLENGTH + 1), f, " ")
printf "process %s %d %d %d\n", name, $1, f[2], u[1] - f[20] / 100}}'
kijun_sockets=$(ss -Hltnp)
printf '%s\n' "$kijun_sockets" |
awk 'NF {name = $6; gsub(/^users:\(\("|",.*$/, "", name); print "socket", $4, name}'
for kijun_pid in $(printf '%s\n' "$kijun_sockets" | sed -n 's/.*"exim4",pid=\([0-9]*\),.*/\1/p' | sort -u); do
{ readlink "/proc/$kijun_pid/exe"; tr '\0' '\n' <"/proc/$kijun_pid/cmdline"; } |
awk 'NR == 1 {if ($0 != "/usr/sbin/exim4") print "started", $0; next}
given {print "started -C" $0; given = 0} /^-C$/ {given = 1}
/^-C./ {print "started", $0} /^-D/ {sub(/=.*/, ""); print "started", $0}'
done
for kijun_file in /etc/postfix/main.cf /etc/postfix/master.cf /var/lib/exim4/config.autogenerated \
/etc/exim4/exim4.conf /etc/exim4/update-exim4.conf.conf; do
if [ -e "$kijun_file" ]; then stat -L -c 'mtime %Y %n' "$kijun_file"; fi
done
for kijun_log in /var/log/exim4/mainlog /var/log/exim4/mainlog.1; do
if [ -e "$kijun_log" ]; then
kijun_when=$(tail -c 20000000 "$kijun_log" | grep -a ' daemon started: pid=' | tail -n 1 | head -c 19)
if [ -n "$kijun_when" ]; then date -d "$kijun_when" '+loaded %s'; break; fi
fi
done
""",
    volatile=True,
)

# What a configuration of Exim includes from elsewhere, with its folders: Exim itself names what it has read,
# and the text what is empty as yet.
FILES = CommandRead(
    "mail_relay.files",
    r"""
if [ -x /usr/sbin/exim4 ]; then
kijun_conf=$(exim4 -bP configure_file)
kijun_read=$({ exim4 -bP config | sed -n 's/^# [0-9]* "\(.*\)"$/\1/p'
sed -n 's/^[ \t]*\.include\(_if_exists\)\{0,1\}[ \t]*"\{0,1\}\([^"]*\).*/\2/p' "$kijun_conf"
} | sed 'p;s~/[^/]*$~~' | grep '^/.' | sort -u)
fi
for kijun_file in $kijun_read /etc/postfix /etc/postfix/* /etc/exim4 /etc/exim4/* /etc/exim4/conf.d/* \
/etc/exim4/conf.d/*/* /var/lib/exim4 /var/lib/exim4/config.autogenerated; do
if [ -e "$kijun_file" ]; then set -- "$@" "$kijun_file"; fi
done
if [ $# -gt 0 ]; then stat -L -c '%a %u %g %n' -- "$@"; else echo absent; fi
""",
)

DOVECOT = CommandRead(
    "mail_limits.dovecot",
    "if [ ! -x /usr/sbin/dovecot ]; then echo absent; exit 0; fi\n"
    "dovecot --version\n"
    "doveconf -n 2>/dev/null |\n"
    "grep -E '[{}]|quota|mail_plugins|^ *(driver|storage_size|executable|args|mode) = '",
)
# What leaves is counted as the watch counts it; what waits is counted up to a bound.
OUTBOUND = CommandRead(
    "mail_limits.outbound",
    r"""
if [ ! -x /usr/sbin/postconf ]; then echo absent; exit 0; fi
kijun_since=-1h
if [ -n "$(find /var/lib/kijun/mail_started -mmin -60)" ]; then
kijun_since=@$(stat -c %Y /var/lib/kijun/mail_started)
fi
journalctl --quiet --output=cat --identifier=postfix/smtp --since="$kijun_since" |
awk '/ to=<.* status=/ && !seen[$1 $2]++ {n++} END {print "sent", n + 0}'
find /var/spool/postfix/incoming /var/spool/postfix/active /var/spool/postfix/deferred -type f |
head -n 100000 | awk 'END {print "queued", NR}'
if [ -e /var/lib/kijun/mail_stopped ]; then echo stopped; fi
""",
    volatile=True,
)
WATCH = CommandRead(
    "mail_limits.watch",
    "systemctl is-enabled kijun-mail-watch.timer\nsystemctl is-active kijun-mail-watch.timer\n"
    "sha256sum /usr/local/sbin/kijun-mail-watch /usr/local/lib/kijun/mailbox-notice\n"
    "systemctl show --property=ExecStart --value kijun-mail-watch.service | cut -d' ' -f 2",
)
DOVECOT_SINCE = CommandRead(
    "mail_limits.dovecot_since",
    r"""
systemctl show --property=MainPID,StateChangeTimestamp --timestamp=unix dovecot.service
for kijun_file in /etc/dovecot/*.conf /etc/dovecot/conf.d/*; do
if [ -e "$kijun_file" ]; then set -- "$@" "$kijun_file"; fi
done
if [ $# -gt 0 ]; then stat -L -c 'mtime %Y %n' -- "$@"; fi
""",
    volatile=True,
)
