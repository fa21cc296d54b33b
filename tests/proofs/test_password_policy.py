"""Password policy, shown by doing it: passwords are changed as users and administrators change them.

What is exercised is the host's own configuration with its own numbers, in real SSH sessions on a terminal.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from testinfra.host import Host

from kijun.proving.pty import PtySession
from kijun.proving.users import Secret, ThrowawayUser, strong_password

STRONG_SCHEMES = {"y", "gy", "7", "6", "2b"}

Login = Callable[[str, str], object]
OpenPty = Callable[..., PtySession]
MakeUser = Callable[..., ThrowawayUser]


@pytest.fixture
def minimum(params: dict[str, object]) -> int:
    """How long an ordinary user's password must be."""
    return int(str(params["password_policy_min_length"]))


@pytest.fixture
def privileged_minimum(params: dict[str, object]) -> int:
    """How long a privileged user's password must be."""
    return int(str(params["password_policy_privileged_min_length"]))


@pytest.fixture
def privileged(host: Host, params: dict[str, object], make_user: MakeUser) -> ThrowawayUser:
    """A throw-away member of the first privileged group that the host has."""
    groups = params["password_policy_privileged_groups"]
    assert isinstance(groups, list)
    group = next(name for name in groups if host.run("getent group %s", name).rc == 0)
    user = make_user()
    host.check_output("usermod -aG %s %s", group, user.name)
    return user


def _offer(session: PtySession, current: str, new: str) -> str:
    """Answer passwd's questions once; return what it says against the new password, "" where it takes it."""
    session.dialogue(("current password:", current), ("new password:", new))
    if session.expect("bad password: ", "retype new password:") == 1:
        session.send(new, secret=True)
        session.expect("updated successfully")
        return ""
    session.expect("\n")
    return session.transcript.rpartition("BAD PASSWORD: ")[2].splitlines()[0]


def _change(pty_session: OpenPty, user: ThrowawayUser, current: str, new: str) -> str:
    with pty_session(user.name, current, "passwd") as session:
        return _offer(session, current, new)


def _hash(host: Host, user: str) -> str:
    return Secret(host.check_output("getent shadow %s", user).split(":")[1])


@pytest.mark.intrusive
@pytest.mark.proves("password_policy.length", "password_policy.in_force")
def test_seven_characters_are_refused(pty_session: OpenPty, throwaway_user: ThrowawayUser) -> None:
    """passwd refuses a user's new password of seven characters, however random."""
    said = _change(pty_session, throwaway_user, throwaway_user.password, strong_password(7))
    assert "shorter than" in said, said or "seven characters were taken"


@pytest.mark.intrusive
@pytest.mark.proves("password_policy.length", "password_policy.changeable", "password_policy.in_force")
def test_the_set_length_is_accepted_and_one_less_refused(
    pty_session: OpenPty, password_login: Login, throwaway_user: ThrowawayUser, minimum: int
) -> None:
    """The set length is just enough, the new password works at once, and it can be changed again at once."""
    user, first, second = throwaway_user, strong_password(minimum), strong_password(minimum)
    said = _change(pty_session, user, user.password, strong_password(minimum - 1))
    assert "shorter than" in said, said or f"{minimum - 1} characters were taken"
    assert _change(pty_session, user, user.password, first) == ""
    assert password_login(user.name, first), "the new password does not work"
    assert _change(pty_session, user, first, second) == "", "it cannot be changed again at once"


@pytest.mark.intrusive
@pytest.mark.proves("password_policy.hard_to_guess", "password_policy.in_force")
def test_guessable_passwords_are_refused(
    host: Host, pty_session: OpenPty, throwaway_user: ThrowawayUser, minimum: int
) -> None:
    """A dictionary word, the user's name reversed, a sequence and a repetition are refused."""
    user, filling = throwaway_user, strong_password(minimum)
    refused = {
        f"{user.name[::-1]}{filling}": "user name",
        f"{user.name.upper()}{filling}": "user name",
        f"{filling}-6789": "sequence",
        f"{filling}-zyxw": "sequence",
        f"{filling}-kkkk": "same characters",
    }
    words = host.check_output(
        "cracklib-unpacker /var/cache/cracklib/cracklib_dict"
        " | grep -xE '[a-z]{%s}' | grep -vE 'rst|xyz|(.)\\1\\1' | head -n 1",
        str(minimum),
    )
    if words:  # beyond some length no dictionary has words
        refused[words] = refused[f"{words}12"] = "dictionary"
    for password, reason in refused.items():
        said = _change(pty_session, user, user.password, password)
        assert reason in said, f"{Secret(password)!r} ({reason}): {said or 'taken'}"


@pytest.mark.intrusive
@pytest.mark.proves("password_policy.privileged_stronger")
def test_privileged_users_need_the_greater_length(
    pty_session: OpenPty, privileged: ThrowawayUser, minimum: int, privileged_minimum: int
) -> None:
    """What is enough for ordinary users is refused to a member of a privileged group."""
    assert privileged_minimum > minimum
    user = privileged
    for length in (minimum, privileged_minimum - 1):
        said = _change(pty_session, user, user.password, strong_password(length))
        assert "shorter than" in said, said or f"{length} characters were taken"
    assert _change(pty_session, user, user.password, strong_password(privileged_minimum)) == ""


@pytest.mark.intrusive
@pytest.mark.proves("password_policy.every_path")
def test_root_cannot_set_a_short_password(
    host: Host, throwaway_user: ThrowawayUser, privileged: ThrowawayUser, minimum: int,
    privileged_minimum: int,
) -> None:  # fmt: skip
    """Neither passwd nor chpasswd takes a password from root that the user could not choose."""
    for user, least in ((throwaway_user.name, minimum), (privileged.name, privileged_minimum)):
        before = _hash(host, user)
        short, enough = strong_password(least - 1), strong_password(least)
        chpasswd = host.run("printf '%%s:%%s\\n' %s %s | chpasswd", user, short)
        passwd = host.run("printf '%%s\\n%%s\\n' %s %s | passwd %s", short, short, user)
        assert chpasswd.rc != 0, "root's chpasswd set a password that is too short"
        assert passwd.rc != 0, "root's passwd set a password that is too short"
        assert _hash(host, user) == before, "refused, and yet stored"
        assert host.run("printf '%%s:%%s\\n' %s %s | chpasswd", user, enough).rc == 0
        assert _hash(host, user) != before, "accepted, and yet not stored"


@pytest.mark.intrusive
@pytest.mark.proves(
    "password_policy.temporary_password", "password_policy.every_path", "password_policy.in_force"
)
def test_a_temporary_password_must_be_changed_at_the_first_login(
    host: Host, pty_session: OpenPty, password_login: Login, throwaway_user: ThrowawayUser, minimum: int
) -> None:
    """The first SSH login runs nothing but the change, and a weak new password is refused there too."""
    user, new = throwaway_user, strong_password(minimum)
    host.check_output("chage -d 0 %s", user.name)
    assert not password_login(user.name, user.password), "a command ran before the change"
    with pty_session(user.name, user.password) as session:
        assert "shorter than" in _offer(session, user.password, strong_password(minimum - 1))
    with pty_session(user.name, user.password) as session:
        assert _offer(session, user.password, new) == ""
    assert not password_login(user.name, user.password), "the temporary password still works"
    assert password_login(user.name, new), "the new password does not work"


@pytest.mark.intrusive
@pytest.mark.proves("password_policy.hash_strength")
def test_new_passwords_are_strongly_hashed(
    host: Host, pty_session: OpenPty, throwaway_user: ThrowawayUser, minimum: int
) -> None:
    """What passwd stores is one of the strong schemes, with a salt of its own each time."""
    user, new = throwaway_user, strong_password(minimum)
    assert _change(pty_session, user, user.password, new) == ""
    first = _hash(host, user.name)
    scheme = first.split("$")[1] if first.startswith("$") else "des"
    assert scheme in STRONG_SCHEMES, f"stored as ${scheme}$"
    host.check_output("printf '%%s:%%s\\n' %s %s | chpasswd", user.name, new)
    assert _hash(host, user.name) != first, "the same hash twice: no salt"
