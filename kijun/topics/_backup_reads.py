"""What the topic backup reads from a host: how it is set up, what the records say, what is there to back up.

No content of a backup and no key leaves the host: of the repository's key, sixteen bits of its digest do, by
which another key is noticed and none is found.
"""

from __future__ import annotations

from kijun.model import CommandRead, FileRead

SETS = FileRead("/etc/kijun/backup/sets")
FSTAB = FileRead("/etc/fstab")

_SETUP = r"""
if [ ! -d /etc/kijun/backup ]; then echo absent; exit 0; fi
stat -L -c 'file %a %u %n' /etc/kijun /etc/kijun/backup /etc/kijun/backup/* \
/var/lib/kijun /var/lib/kijun/backup \
/usr/local/sbin/kijun-backup /usr/local/lib/kijun /usr/local/lib/kijun/kijun_backup \
/usr/local/lib/kijun/kijun_backup/*
printf 'program %s\n' "$(cat /usr/local/sbin/kijun-backup /usr/local/lib/kijun/kijun_backup/*.py \
/usr/local/lib/kijun/kijun_backup/*.sh | sha256sum)"
printf 'key %.4s\n' "$(sha256sum </etc/kijun/backup/password)"
ssh -G -F /etc/kijun/backup/ssh_config backup |
awk '/^(hostname|port|user|proxycommand|proxyjump|stricthostkeychecking|identityfile|userknownhostsfile) / {
print "ssh", $0}'
grep -h '^post-invoke' /etc/dpkg/dpkg.cfg /etc/dpkg/dpkg.cfg.d/* | sed 's/^/hook /'
ip -o addr show | awk '{sub("/.*", "", $4); print "own", $4}'
set -- kijun-backup-verify kijun-backup-drill
while read -r kijun_kind kijun_set kijun_rest; do
case $kijun_kind in
set) set -- "$@" "kijun-backup@$kijun_set" ;;
journal) set -- "$@" "kijun-backup-journal@$kijun_set" ;;
esac
done </etc/kijun/backup/sets
for kijun_unit do set -- "$@" "$kijun_unit.timer" "$kijun_unit.service"; shift; done
systemctl show "$@" \
--property=Id,UnitFileState,ActiveState,NeedDaemonReload,TimersMonotonic,TimersCalendar,Unit,ExecStart |
sed -n -e 's/ ; next_elapse=.*//' -e 's/^ExecStart=.*argv\[\]=\([^;]*\) ;.*/ExecStart=\1/' -e 's/^/unit /p'
"""
SETUP = CommandRead("backup_setup", _SETUP)

_RECORDS = r"""
for kijun_file in /var/lib/kijun/backup/*.json; do
if [ -f "$kijun_file" ]; then printf '\n@record %s\n' "${kijun_file##*/}"; head -c 60000 "$kijun_file"; fi
done
printf '\n@sources\n'
if [ -f /etc/kijun/backup/sets ]; then
while IFS='	' read -r kijun_kind kijun_set kijun_path; do
if [ "$kijun_kind" != path ]; then continue; fi
if [ ! -e "$kijun_path" ]; then printf 'missing %s\n' "$kijun_path"
elif [ "$kijun_set" != programs ] && [ -d "$kijun_path" ] &&
[ -z "$(find "$kijun_path" -mindepth 1 -print -quit)" ]; then
printf 'empty %s\n' "$kijun_path"
fi
done </etc/kijun/backup/sets
fi
awk '{print "mounted", $2}' /proc/1/mounts
stat -c 'packages %Y' /var/lib/dpkg/status
"""
RECORDS = CommandRead("backup_records", _RECORDS, volatile=True)

# Databases by their settings and folders (also while they are stopped) and by what runs elsewhere, shares by
# the configuration of their servers. A server works in the folder of its data.
_SUBJECTS = r"""
for kijun_dir in /etc/postgresql/*/*/postgresql.conf /var/lib/postgresql/*/*/base; do
if [ -e "$kijun_dir" ]; then
kijun_dir=${kijun_dir%/*}; kijun_name=${kijun_dir##*/}; kijun_dir=${kijun_dir%/*}
printf 'postgresql %s/%s\n' "${kijun_dir##*/}" "$kijun_name"
fi
done
for kijun_dir in /var/lib/mysql/*/; do
case $kijun_dir in
*/mysql/ | */performance_schema/ | */sys/ | */'*'/) ;;
/var/lib/mysql/'#'*) ;;
*) kijun_dir=${kijun_dir%/}; printf 'mariadb %s\n' "${kijun_dir##*/}" ;;
esac
done
for kijun_pid in $(pgrep -x 'postgres|mariadbd|mysqld'); do
case $(readlink "/proc/$kijun_pid/cwd") in
/var/lib/mysql | '' | /var/tmp/kijun-drill-*) ;;
/*) printf 'data %s\n' "$(readlink "/proc/$kijun_pid/cwd")" ;;
esac
done | sort -u | while read -r kijun_kind kijun_dir; do
if [ -e "$kijun_dir/PG_VERSION" ] && grep -qs "^data_directory *= *'$kijun_dir'" \
/etc/postgresql/*/*/postgresql.conf; then continue; fi
printf 'elsewhere %s\n' "$kijun_dir"
done
if [ -f /etc/exports ]; then awk '/^\// {print "share", $1}' /etc/exports; fi
if [ -f /etc/samba/smb.conf ]; then
awk -F= 'tolower($1) ~ /^[ \t]*path[ \t]*$/ {gsub("^[ \t]+|[ \t]+$", "", $2); print "share", $2}' \
/etc/samba/smb.conf
fi
printf 'end\n'
"""
SUBJECTS = CommandRead("backup_subjects", _SUBJECTS)

# What PostgreSQL says of its log and of when each database was made, and the same of MariaDB's folders.
_DATABASES = r"""
kijun_sql="select 'setting', name, translate(setting, E'\\n\\r\\t', '???') from pg_settings
where name in ('archive_mode', 'archive_command', 'archive_library')
union all select 'archived', coalesce(last_archived_wal, ''),
coalesce(extract(epoch from last_archived_time)::bigint, 0)::text from pg_stat_archiver
union all select 'refused', failed_count::text,
coalesce(extract(epoch from last_failed_time)::bigint, 0)::text from pg_stat_archiver
union all select 'database', translate(datname, E'\\n\\r\\t', '???'),
coalesce(extract(epoch from (pg_stat_file('base/' || oid || '/PG_VERSION', true)).modification)::bigint,
0)::text from pg_database where datname not in ('template0', 'template1')"
for kijun_conf in /etc/postgresql/*/*/postgresql.conf; do
if [ ! -f "$kijun_conf" ]; then continue; fi
kijun_dir=${kijun_conf%/*}; kijun_name=${kijun_dir##*/}; kijun_dir=${kijun_dir%/*}
kijun_label=${kijun_dir##*/}/$kijun_name
kijun_data=$(sed -n "s/^ *data_directory *=* *'\([^']*\)'.*/\1/p" "$kijun_conf" | tail -n 1)
{ read -r kijun_pid; read -r kijun_at; read -r kijun_since; read -r kijun_port; read -r kijun_socket
} <"$kijun_data/postmaster.pid" || continue
kijun_owner=$(stat -c '--reuid=%U --regid=%G' "$kijun_data")
printf '@cluster %s\n' "$kijun_label"
PGCONNECT_TIMEOUT=5 PGOPTIONS='-c statement_timeout=5000' timeout 10 setpriv $kijun_owner --init-groups -- \
"/usr/lib/postgresql/${kijun_label%/*}/bin/psql" -wXAtq -F '	' -h "$kijun_socket" \
-p "$kijun_port" -d postgres -c "$kijun_sql"
done
printf '@mariadb\n'
for kijun_dir in /var/lib/mysql/*/db.opt; do
if [ -f "$kijun_dir" ]; then
kijun_made=$(stat -c %Y "$kijun_dir"); kijun_dir=${kijun_dir%/db.opt}
printf 'database\t%s\t%s\n' "${kijun_dir##*/}" "$kijun_made"
fi
done
printf '@end\n'
"""
DATABASES = CommandRead("backup_databases", _DATABASES, volatile=True)

# The other side: what the account that keeps others' backups may do. The keys themselves are cut.
_KEPT = r"""
if [ ! -d /var/lib/kijun-backup ] && [ ! -d /srv/kijun-backup ]; then echo absent; exit 0; fi
getent passwd kijun-backup | sed 's/^/account /'
getent shadow kijun-backup | awk -F: '{print "password", ($2 == "*" || $2 ~ /^!/) ? "none" : "set"}'
stat -c 'file %a %U %n' /var/lib/kijun-backup /var/lib/kijun-backup/.ssh /var/lib/kijun-backup/.ssh/* \
/srv/kijun-backup /srv/kijun-backup/*
for kijun_file in /var/lib/kijun-backup/.ssh/authorized_keys /var/lib/kijun-backup/.ssh/authorized_keys2; do
if [ -f "$kijun_file" ]; then
sed -n -e 's/\(ssh-[a-z0-9-]* \|ecdsa-[a-z0-9-]* \)[A-Za-z0-9+/=]*/\1…/' -e '/^[^#]/s/^/key /p' "$kijun_file"
fi
done
printf 'end\n'
"""
KEPT = CommandRead("backup_kept", _KEPT)

READS = (SETS, FSTAB, SETUP, RECORDS, SUBJECTS, DATABASES, KEPT)
