"""Account lockout, shown by doing it: wrong passwords on every path, then the right one.

What is exercised is the host's own configuration with its own numbers. Only time is not waited for: where a
test needs fifteen minutes to pass, the recorded failures of its throw-away user are moved back by that much,
which is all that pam_faillock compares with the clock. Root's short lock time is waited for, up to 90 s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from testinfra.host import Host

from kijun.proving.logins import SshLogins
from kijun.proving.pty import PtySession
from kijun.proving.users import ThrowawayUser

TALLY_DIR = "/var/lib/faillock"
WRONG = "wrong-" + "x" * 20
CRON_PATIENCE = 150  # seconds: cron looks for work once a minute
REAL_WAIT = 90

# Each record of a tally is 64 bytes and ends in the time, a 64-bit number (pam_faillock's faillock.h).
_AGE = (
    'perl -e \'open my $f, "+<", $ARGV[0] or die; binmode $f; local $/; my $d = <$f>;'
    " for (my $o = 56; $o + 8 <= length $d; $o += 64)"
    ' { substr($d, $o, 8) = pack("Q<", unpack("Q<", substr($d, $o, 8)) - $ARGV[1]) }'
    " seek $f, 0, 0; print $f $d' %s %s"
)

Login = Callable[[str, str], object]
OpenPty = Callable[..., PtySession]
MakeUser = Callable[..., ThrowawayUser]


@pytest.fixture
def helper(make_user: MakeUser) -> ThrowawayUser:
    """A second throw-away user, from whose session others are tried."""
    return make_user()


@pytest.fixture
def deny(params: dict[str, object]) -> int:
    """How many wrong passwords lock."""
    return int(str(params["account_lockout_deny"]))


def _seconds(params: dict[str, object], name: str) -> int:
    return int(str(params[f"account_lockout_{name}"]))


def _age(host: Host, user: str, seconds: int) -> None:
    """Move the recorded failures of a user back in time."""
    host.check_output(_AGE, f"{TALLY_DIR}/{user}", str(seconds))


def _wrong_su(host: Host, by: ThrowawayUser, user: ThrowawayUser, times: int) -> None:
    """Give a wrong password for `user` to su so many times at once, as the user `by`."""
    one = "runuser -u %s -- sh -c 'echo wrong-and-longer-than-any | su \"$1\" -c true' kijun %s"
    line = "for i in $(seq %s); do (" + one + " && echo in) 2>/dev/null & done; wait"
    said = host.check_output(line, str(times), by.name, user.name)
    assert "in" not in said.split(), "su took a wrong password"


def _shell(session: PtySession) -> PtySession:
    """Give the session's shell a prompt to wait for, and messages in English."""
    session.send("export LC_ALL=C PS1='rea''dy> '")  # what the terminal echoes must not look like it
    session.expect("ready> ")
    return session


@pytest.mark.intrusive
@pytest.mark.proves("account_lockout.threshold", "account_lockout.every_path", "account_lockout.in_force")
def test_wrong_ssh_logins_lock(
    host: Host, logins: SshLogins, throwaway_user: ThrowawayUser, deny: int
) -> None:
    """After so many wrong SSH logins the right password is refused, and taken again once unlocked."""
    user = throwaway_user
    assert logins.password_login(user.name, user.password), "the right password is not taken to begin with"
    assert logins.wrong_logins(user.name, [WRONG] * deny) == deny
    assert not logins.password_login(user.name, user.password).authenticated
    host.check_output("faillock --dir %s --user %s --reset", TALLY_DIR, user.name)
    assert logins.password_login(user.name, user.password), "something else than the lock refused it"


@pytest.mark.intrusive
@pytest.mark.proves("account_lockout.threshold")
def test_fewer_wrong_logins_do_not_lock(
    host: Host, password_login: Login, throwaway_user: ThrowawayUser, helper: ThrowawayUser, deny: int
) -> None:
    """One wrong password fewer than the threshold, and the right one is still taken."""
    _wrong_su(host, helper, throwaway_user, deny - 1)
    assert password_login(throwaway_user.name, throwaway_user.password)


@pytest.mark.intrusive
@pytest.mark.proves("account_lockout.every_path")
def test_wrong_su_passwords_lock(
    host: Host, pty_session: OpenPty, password_login: Login, throwaway_user: ThrowawayUser,
    helper: ThrowawayUser, deny: int,
) -> None:  # fmt: skip
    """Wrong passwords for su lock the user it is about, for su and for SSH; not the one who typed them."""
    user = throwaway_user
    with _shell(pty_session(helper.name, helper.password)) as session:
        for tries in range(deny + 1):
            session.send(f"su {user.name} -c 'echo got-in-$((6*7))'")
            session.expect("password:")
            session.send(WRONG if tries < deny else user.password, secret=tries == deny)
            assert session.expect("got-in-42", "ready> ") == 1, "su let somebody in"
    assert not password_login(user.name, user.password), "SSH let in an account that su had locked"
    assert password_login(helper.name, helper.password), "the one who typed them was locked"


@pytest.mark.intrusive
@pytest.mark.proves("account_lockout.every_path")
def test_wrong_sudo_passwords_lock(
    pty_session: OpenPty, password_login: Login, privileged_user: ThrowawayUser, deny: int
) -> None:
    """Wrong passwords for sudo lock the user, for sudo and for SSH."""
    user = privileged_user
    with _shell(pty_session(user.name, user.password)) as session:
        session.send("sudo -p 'ask-me'\\> echo got-in-$((6*7))")
        session.expect("ask-me>")
        session.send(user.password, secret=True)
        session.expect("got-in-42")
        session.expect("ready> ")
        wrong = 0
        while wrong < deny:
            session.send("sudo -k -p 'ask-me'\\> false")
            while session.expect("ask-me>", "ready> ") == 0:
                session.send(WRONG)
                wrong += 1
        session.send("sudo -k -p 'ask-me'\\> echo got-in-$((6*7))")
        while (said := session.expect("ask-me>", "got-in-42", "ready> ")) == 0:
            session.send(user.password, secret=True)
        assert said == 2, "sudo took the right password of a locked account"
    assert not password_login(user.name, user.password), "SSH let in an account that sudo had locked"


@pytest.mark.intrusive
@pytest.mark.proves("account_lockout.every_path")
def test_wrong_console_logins_lock(
    pty_session: OpenPty, password_login: Login, throwaway_user: ThrowawayUser,
    privileged_user: ThrowawayUser, deny: int,
) -> None:  # fmt: skip
    """Wrong passwords for login(1), on a terminal of its own, lock the user there and for SSH."""
    user, admin = throwaway_user, privileged_user
    with _shell(pty_session(admin.name, admin.password)) as session:
        session.send("sudo -p 'ask-me'\\> true")
        session.expect("ask-me>")
        session.send(admin.password, secret=True)
        session.expect("ready> ")
        given = 0
        while given <= deny:
            session.send(f"sudo login {user.name}")
            # login(1) asks again a few times by itself, then ends; at its own prompt it wants the name first.
            while (asked := session.expect("password:", "login: ", "ready> ", rf"{user.name}@")) != 2:
                assert asked != 3, "login let somebody in"
                if asked == 1:
                    session.send(user.name if given <= deny else "\x04")
                    continue
                session.send(WRONG if given < deny else user.password, secret=given >= deny)
                given += 1
    assert not password_login(user.name, user.password), "SSH let in an account that login had locked"


@pytest.mark.intrusive
@pytest.mark.proves("account_lockout.stack_sound")
def test_another_user_is_unaffected(
    host: Host, password_login: Login, throwaway_user: ThrowawayUser, helper: ThrowawayUser, deny: int
) -> None:
    """While one account is locked, another logs in."""
    _wrong_su(host, helper, throwaway_user, deny)
    assert not password_login(throwaway_user.name, throwaway_user.password)
    assert password_login(helper.name, helper.password)


@pytest.mark.intrusive
@pytest.mark.proves("account_lockout.stack_sound")
def test_a_right_password_clears_the_count(
    host: Host, password_login: Login, throwaway_user: ThrowawayUser, helper: ThrowawayUser, deny: int
) -> None:
    """Wrong passwords before a right one no longer count after it."""
    for _ in range(2):
        _wrong_su(host, helper, throwaway_user, deny - 1)
        assert password_login(throwaway_user.name, throwaway_user.password)


@pytest.mark.intrusive
@pytest.mark.proves("account_lockout.lock_time")
def test_lock_holds_until_the_time_is_over(
    host: Host, password_login: Login, throwaway_user: ThrowawayUser, helper: ThrowawayUser,
    params: dict[str, object], deny: int,
) -> None:  # fmt: skip
    """Half a minute before the lock time is over the right password is refused; after it, taken."""
    user, lock_time = throwaway_user, _seconds(params, "unlock_time")
    _wrong_su(host, helper, user, deny)
    _age(host, user.name, lock_time - 30)
    assert not password_login(user.name, user.password), "the lock ended too early"
    _age(host, user.name, 60)
    assert password_login(user.name, user.password), "the lock did not end"


@pytest.mark.intrusive
@pytest.mark.proves("account_lockout.window")
def test_failures_within_the_window_add_up(
    host: Host, password_login: Login, throwaway_user: ThrowawayUser, helper: ThrowawayUser,
    params: dict[str, object], deny: int,
) -> None:  # fmt: skip
    """Failures count for the whole window and not beyond it."""
    user, window = throwaway_user, _seconds(params, "fail_interval")
    _wrong_su(host, helper, user, deny - 1)
    _age(host, user.name, window + 5)
    _wrong_su(host, helper, user, 1)
    assert deny == 1 or password_login(user.name, user.password), "failures count beyond the window"
    _wrong_su(host, helper, user, deny - 1)
    if deny > 1:
        _age(host, user.name, max(window - 30, 0))
    _wrong_su(host, helper, user, 1)
    assert not password_login(user.name, user.password), "failures within the window are forgotten"


@pytest.mark.intrusive
@pytest.mark.proves("account_lockout.not_resettable")
def test_a_crontab_does_not_clear_the_count(
    host: Host, password_login: Login, throwaway_user: ThrowawayUser, helper: ThrowawayUser, deny: int
) -> None:
    """The real cron runs the user's own crontab, which tries everything; the account stays locked.

    So it does through every other service that only checks the account: su by root, and systemd as `login`.
    """
    user = throwaway_user
    assert host.run("systemctl is-active cron.service").rc == 0, "no cron runs on this host"
    _wrong_su(host, helper, user, deny)
    tries = (
        f"echo ran >> ~/cron-ran; faillock --user {user.name} --reset;"
        f" faillock --dir {TALLY_DIR} --user {user.name} --reset;"
        f" rm -f {TALLY_DIR}/{user.name}; : > {TALLY_DIR}/{user.name}"
    )
    host.check_output("echo %s | crontab -u %s -", f"* * * * * ({tries}) 2>/dev/null", user.name)
    deadline = time.monotonic() + CRON_PATIENCE
    while host.run("grep -c ran %s/cron-ran", user.home).stdout.strip() != "2":
        assert time.monotonic() < deadline, "cron did not run the crontab twice"
        time.sleep(5)
    host.check_output("su %s -c true", user.name)
    host.check_output("systemd-run -q --wait -p PAMName=login -p User=%s true", user.name)
    assert not password_login(user.name, user.password), "the account check cleared the count"


@pytest.mark.intrusive
@pytest.mark.proves("account_lockout.tally_protected")
def test_a_user_cannot_clear_the_own_count(
    host: Host, pty_session: OpenPty, password_login: Login, throwaway_user: ThrowawayUser,
    helper: ThrowawayUser, deny: int,
) -> None:  # fmt: skip
    """From a session of the user's own, opened before, nothing empties the file that the user owns."""
    user = throwaway_user
    with _shell(pty_session(user.name, user.password)) as session:
        _wrong_su(host, helper, user, deny)
        for folder in (TALLY_DIR, "/run/faillock", "/var/run/faillock"):
            session.send(f"faillock --dir {folder} --user {user.name} --reset; : > {folder}/{user.name}")
            session.send(
                f"rm -f {folder}/{user.name}; truncate -s 0 {folder}/{user.name}; echo over-$((6*7))"
            )
            session.expect("over-42")
    assert not password_login(user.name, user.password), "the user cleared the own count"


@pytest.fixture
def clean_root(host: Host) -> Iterator[None]:
    """Root's own count, cleared before and after."""
    host.check_output("faillock --dir %s --user root --reset", TALLY_DIR)
    yield
    host.check_output("faillock --dir %s --user root --reset", TALLY_DIR)


@pytest.mark.intrusive
@pytest.mark.usefixtures("clean_root")
@pytest.mark.proves("account_lockout.root")
def test_root_locks_and_break_glass_works(
    host: Host, pty_session: OpenPty, helper: ThrowawayUser, params: dict[str, object], deny: int
) -> None:
    """Wrong su passwords lock root; the administrator still gets in, and root comes free by itself.

    The administrator's connection is opened anew while root is locked: by key, which asks PAM for no
    password. Root's password is not known to the proof, so the lock is seen by what su says of it.
    """
    seconds = _seconds(params, "root_unlock_time")
    with _shell(pty_session(helper.name, helper.password)) as session:
        for _ in range(deny):
            assert not _root_is_locked(session), "root is locked too early"
        assert _root_is_locked(session), "root is not locked"
        locked_at = time.monotonic()
        if hasattr(host.backend, "close_all"):
            host.backend.close_all()
        assert host.check_output("id -u") == "0", "the administrator is locked out"
        if seconds <= REAL_WAIT:
            time.sleep(max(0.0, seconds + 2 - (time.monotonic() - locked_at)))
        else:
            _age(host, "root", seconds + 2)
        assert not _root_is_locked(session), "root did not come free"


def _root_is_locked(session: PtySession) -> bool:
    """Try su to root with a wrong password; return whether PAM says that the account is locked."""
    session.send("su root -c true")
    locked = session.expect("password:", "account is locked") == 1
    if locked:
        session.expect("password:")
    session.send(WRONG)
    session.expect("ready> ")
    return locked
