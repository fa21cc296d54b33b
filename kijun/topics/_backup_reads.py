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
/usr/local/lib/kijun/kijun_backup/*.py
printf 'program %s\n' "$(cat /usr/local/sbin/kijun-backup /usr/local/lib/kijun/kijun_backup/*.py | sha256sum)"
printf 'key %.4s\n' "$(sha256sum </etc/kijun/backup/password)"
ssh -G -F /etc/kijun/backup/ssh_config backup |
awk '/^(hostname|port|user|proxycommand|proxyjump|stricthostkeychecking|identityfile|userknownhostsfile) / {
print "ssh", $0}'
grep -h '^post-invoke' /etc/dpkg/dpkg.cfg /etc/dpkg/dpkg.cfg.d/* | sed 's/^/hook /'
ip -o addr show | awk '{sub("/.*", "", $4); print "own", $4}'
set -- kijun-backup-verify kijun-backup-drill
while read -r kijun_kind kijun_set kijun_rest; do
if [ "$kijun_kind" = set ]; then set -- "$@" "kijun-backup@$kijun_set"; fi
done </etc/kijun/backup/sets
for kijun_unit do set -- "$@" "$kijun_unit.timer" "$kijun_unit.service"; shift; done
systemctl show "$@" \
--property=Id,UnitFileState,ActiveState,NeedDaemonReload,TimersMonotonic,TimersCalendar,Unit,ExecStart |
sed -n -e 's/ ; next_elapse=.*//' -e 's/^ExecStart=.*argv\[\]=\([^;]*\) ;.*/ExecStart=\1/' -e 's/^/unit /p'
"""
SETUP = CommandRead("backup_setup", _SETUP)

_RECORDS = r"""
for kijun_file in /var/lib/kijun/backup/*.json; do
if [ -f "$kijun_file" ]; then printf '\n@record %s\n' "${kijun_file##*/}"; head -c 8000 "$kijun_file"; fi
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

# Databases by their folders (also while they are stopped), shares by the configuration of their servers.
_SUBJECTS = r"""
for kijun_dir in /var/lib/postgresql/*/*/base; do
if [ -d "$kijun_dir" ]; then
kijun_dir=${kijun_dir%/base}; printf 'postgresql %s\n' "${kijun_dir#/var/lib/postgresql/}"
fi
done
for kijun_dir in /var/lib/mysql/*/; do
case $kijun_dir in
*/mysql/ | */performance_schema/ | */sys/ | */'*'/) ;;
/var/lib/mysql/'#'*) ;;
*) kijun_dir=${kijun_dir%/}; printf 'mariadb %s\n' "${kijun_dir##*/}" ;;
esac
done
if [ -f /etc/exports ]; then awk '/^\// {print "share", $1}' /etc/exports; fi
if [ -f /etc/samba/smb.conf ]; then
awk -F= 'tolower($1) ~ /^[ \t]*path[ \t]*$/ {gsub("^[ \t]+|[ \t]+$", "", $2); print "share", $2}' \
/etc/samba/smb.conf
fi
printf 'end\n'
"""
SUBJECTS = CommandRead("backup_subjects", _SUBJECTS)

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

READS = (SETS, FSTAB, SETUP, RECORDS, SUBJECTS, KEPT)
