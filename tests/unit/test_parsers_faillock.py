"""pam_faillock's settings, as read_config_file() and set_conf_opt() of the module take them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.parsers.faillock import FaillockSettings, UnusableError, action, faillock_settings


def changed(conf: str, *args: str) -> dict[str, object]:
    """Return what differs from the module's own defaults."""
    found = vars(faillock_settings(conf.encode("latin-1"), args))
    return {name: value for name, value in found.items() if value != vars(FaillockSettings())[name]}


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        ("", {}),
        ("# deny = 9\n", {}),
        ("deny = 5\n", {"deny": 5}),
        ("deny=5", {"deny": 5}),
        ("  deny\t5 # not 9\n", {"deny": 5}),
        ("deny = 5\ndeny = 9\n", {"deny": 9}),
        ("deny = 9 5\n", {"deny": 9}),
        ("deny == 9\n", {"ignored": ["deny== 9"]}),
        ("deny = many\n", {"ignored": ["deny=many"]}),
        ("deny = 0x10\n", {"deny": 0}),
        ("deny = 65536\n", {"deny": 0}),
        ("deny = 65541\n", {"deny": 5}),
        ("deny = -1\n", {"deny": 65535}),
        ("deny = 99999999999999999999999999\n", {"deny": 65535}),
        ("Deny = 5\n", {"ignored": ["Deny=5"]}),
        ("fail_interval = 604801\n", {"ignored": ["fail_interval=604801"]}),
        ("fail_interval = -1\n", {"ignored": ["fail_interval=-1"]}),
        ("unlock_time = never\n", {"unlock_time": 0}),
        ("unlock_time = 0\n", {"unlock_time": 0}),
        ("root_unlock_time = 60\n", {"own_root_unlock_time": 60}),
        ("even_deny_root\n", {"flags": {"even_deny_root"}}),
        ("even_deny_root = no\n", {"flags": {"even_deny_root"}}),
        ("dir = /var/lib/faillock\n", {"dir": "/var/lib/faillock"}),
        ("dir = relative\n", {"ignored": ["dir=relative"]}),
        ("admin_group = wheel\n", {"admin_group": "wheel"}),
        ("nonsense\n", {"ignored": ["nonsense"]}),
        ("deny = 5\r\n", {"deny": 5}),
        ("=\n", {"ignored": [""]}),
    ],
)
def test_settings(conf: str, expected: dict[str, object]) -> None:
    assert changed(conf) == expected


def test_arguments_win_and_the_actions_are_no_settings() -> None:
    assert changed("deny = 5\n", "preauth", "deny=0", "even_deny_root") == {
        "deny": 0,
        "flags": {"even_deny_root"},
    }


def test_root_has_the_others_time_unless_given() -> None:
    assert faillock_settings(b"unlock_time = 77\n").root_unlock_time == 77
    assert faillock_settings(b"unlock_time = 77\nroot_unlock_time = never\n").root_unlock_time == 0
    assert faillock_settings(None) == FaillockSettings()


@pytest.mark.parametrize("conf", [b"#" * 1023, b"deny = 5\0\n"])
def test_what_the_module_refuses(conf: bytes) -> None:
    with pytest.raises(UnusableError):
        faillock_settings(conf)


def test_another_configuration_file_is_not_taken_for_this_one() -> None:
    with pytest.raises(UnusableError):
        faillock_settings(b"deny = 5\n", ["preauth", "conf=/etc/other"])


def test_what_a_line_does() -> None:
    assert [action(a) for a in ([], ["deny=3"], ["authsucc"], ["preauth", "authfail"])] == [
        "preauth", "preauth", "authsucc", "authfail",
    ]  # fmt: skip


@given(st.binary(max_size=400), st.lists(st.text(max_size=30), max_size=4))
def test_any_bytes(conf: bytes, args: list[str]) -> None:
    try:
        settings = faillock_settings(conf, args)
    except UnusableError:
        return
    assert 0 <= settings.deny < 65536
    assert 0 <= settings.fail_interval <= 604800
