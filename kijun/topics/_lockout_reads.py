"""What account_lockout reads of a host."""

from __future__ import annotations

from kijun.model import CommandRead, FileRead, Read
from kijun.parsers.faillock import CONF
from kijun.topics._access_lists import access_list_read
from kijun.topics._lockout_resets import GIVEN

TALLY_DIR = "/var/lib/faillock"
PAM_FILES = ("/etc/pam.d/*", "/usr/lib/pam.d/*", "/etc/pam.conf")
SSHD_FILES = ("/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*.conf")
PROTECTED = (*PAM_FILES, *SSHD_FILES, "/etc/pam.d", "/usr/lib/pam.d", "/etc/security", CONF)

# The shell's own globbing: no process is started for it.
MODULES = CommandRead(
    "account_lockout.modules",
    "for f in /usr/lib/*/security/pam_*.so /lib/*/security/pam_*.so /lib/security/pam_*.so; do\n"
    'if [ -e "$f" ]; then printf "%s\\n" "${f##*/}"; fi\ndone',
)
GENUINE = CommandRead(
    "account_lockout.genuine",
    "cd / && grep -hE 'security/pam_(deny|faillock|permit|unix)[.]so$'"
    " /var/lib/dpkg/info/libpam-modules:*.md5sums | md5sum -c 2>&1",
)
SSHD = CommandRead(
    "account_lockout.sshd",
    "if [ ! -x /usr/sbin/sshd ]; then echo absent; exit 0; fi\n"
    "/usr/sbin/sshd -T | grep -E '^(usepam|pamservicename) '",
)
SSHD_SINCE = CommandRead(
    "account_lockout.sshd_since",
    "systemctl show --property=MainPID,StateChangeTimestamp --timestamp=unix ssh.service",
    volatile=True,
)
TALLY = CommandRead(
    "account_lockout.tally",
    f"if [ -d {TALLY_DIR} ]; then stat -f -c %T {TALLY_DIR}; else echo absent; fi",
)
LISTS = access_list_read("account_lockout.access_lists", (*PROTECTED, TALLY_DIR))
READS: tuple[Read, ...] = (
    *(FileRead(pattern) for pattern in (*PROTECTED, TALLY_DIR)),
    *(MODULES, GENUINE, SSHD, SSHD_SINCE, TALLY, LISTS, GIVEN),
)
