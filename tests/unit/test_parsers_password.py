"""Settings of pam_pwquality, reduced accounts and login.defs: what was seen on hosts, and any bytes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.parsers.keyvalue import last_values
from kijun.parsers.password_stack import Person
from kijun.parsers.pwquality import DROP_INS, MAIN, Settings, read_settings
from kijun.parsers.shadow import ISSUED_NOTE, POLICY_NOTE, REDUCE, parse, weakness


@pytest.mark.parametrize(
    ("files", "arguments", "expected"),
    [
        ({}, [], {"minlen": 8, "dictcheck": 1, "usercheck": 1, "enforcing": 1, "retry": 1}),
        ({MAIN: "minlen = 6", DROP_INS + "z.conf": "minlen = 14"}, [], {"minlen": 6}),
        ({DROP_INS + "a.conf": "minlen=10", DROP_INS + "b.conf": "minlen 11"}, [], {"minlen": 11}),
        ({DROP_INS + ".a.conf": "minlen=10"}, [], {"minlen": 10}),
        ({DROP_INS + "a.conf.conf": "minlen=10", DROP_INS + "a.cfg": "minlen=9"}, [], {"minlen": 8}),
        ({MAIN: "minlen = 6"}, ["minlen=14"], {"minlen": 14}),
        ({}, ["minlen=14", "minlen=4"], {"minlen": 6}),
        ({}, ["minlen=14", "minlen=x", "minlen=", "minlen"], {"minlen": 14}),
        ({}, ["minlen=14", "nonsense=1", "use_authtok", "debug", "type=X"], {"minlen": 14}),
        ({}, ["MINLEN=14"], {"minlen": 14}),
        ({MAIN: "# minlen = 9\n  minlen\t=\t10  # ten\n\n"}, [], {"minlen": 10}),
        ({MAIN: "minlen = ten\nminlen = 20"}, [], {"minlen": 8}),
        ({DROP_INS + "a.conf": "bad\n", MAIN: "minlen = 20"}, [], {"minlen": 8}),
        ({MAIN: "x" * 2000 + "\nminlen = 20"}, [], {"minlen": 8}),
        (
            {MAIN: "enforce_for_root\nlocal_users_only = 0"},
            [],
            {"enforce_for_root": 1, "local_users_only": 1},
        ),
        ({MAIN: "dictpath = /x"}, ["dictpath="], {"dictpath": ""}),
        ({}, ["minlen=99999999999"], {"minlen": 8}),
    ],
)
def test_settings(files: dict[str, str], arguments: list[str], expected: dict[str, object]) -> None:
    found = read_settings({path: text.encode() for path, text in files.items()}, arguments)
    assert {name: getattr(found, name) for name in expected} == expected


def test_where_reading_stopped_is_said() -> None:
    assert (
        read_settings({MAIN: b"minlen = 9\nminlen = ten\n"}).unread
        == f"{MAIN}:2: 'minlen = ten' is not understood"
    )


@pytest.mark.parametrize(
    ("settings", "shortest"),
    [
        (Settings(minlen=14), 14),
        (Settings(minlen=14, dcredit=1, ucredit=1, lcredit=1, ocredit=1), 10),  # seen to pass with ten
        (Settings(minlen=14, dcredit=-1), 14),
        (Settings(minlen=12, lcredit=20), 6),
    ],
)
def test_shortest(settings: Settings, shortest: int) -> None:
    assert settings.shortest() == shortest


@given(
    st.dictionaries(st.sampled_from([MAIN, DROP_INS + "a.conf"]), st.binary()), st.lists(st.text(max_size=30))
)
def test_any_configuration_is_read(files: dict[str, bytes], arguments: list[str]) -> None:
    assert read_settings(files, arguments).shortest() >= 0


ORDINARY, ROOT, SUDO = (
    Person(privileged_groups=("sudo", "wheel")),
    Person(root=True),
    Person(group="sudo"),
)
EITHER = ("success", "auth_err")


@pytest.mark.parametrize(
    ("who", "words", "answer"),
    [
        (ORDINARY, "quiet uid ne 0 user notingroup sudo:wheel", "success"),
        (ORDINARY, "user ingroup sudo", "auth_err"),
        (ORDINARY, "user ingroup staff", EITHER),
        (ORDINARY, "uid >= 1000", EITHER),
        (ORDINARY, "user = hanako", EITHER),
        (ORDINARY, "uid ne 0 use_uid", EITHER),
        (ORDINARY, "", EITHER),
        (ORDINARY, "uid ne", EITHER),
        (ROOT, "quiet uid ne 0 user notingroup sudo:wheel", "auth_err"),
        (ROOT, "uid eq 0", "success"),
        (ROOT, "user notingroup sudo", EITHER),
        (SUDO, "uid ne 0 user notingroup sudo:wheel", "auth_err"),
        (SUDO, "user notingroup wheel", EITHER),
    ],
)
def test_pam_succeed_if(who: Person, words: str, answer: object) -> None:
    assert who.succeed_if(words.split()) == answer


@pytest.mark.parametrize(
    ("scheme", "cost", "weak"),
    [
        ("y", "j9T", ""),
        ("y", "j75", ""),
        ("y", "j1T", "yescrypt of too low a cost"),
        ("y", "", "yescrypt of too low a cost"),
        ("gy", "j9T", ""),
        ("7", "C", ""),
        ("7", ".", "scrypt of too low a cost"),
        ("6", "", ""),
        ("6", "rounds=656000", ""),
        ("6", "rounds=1000", "SHA-512 of 1000 rounds"),
        ("2b", "12", ""),
        ("2b", "05", "bcrypt of cost 05"),
        ("2b", None, ""),
        ("2a", "12", "old bcrypt"),
        ("5", "", "SHA-256"),
        ("1", "", "MD5"),
        ("des", "", "DES"),
        ("zz", "", "an unknown scheme (zz)"),
    ],
)
def test_weak_hashes(scheme: str, cost: str | None, weak: str) -> None:
    assert weakness(scheme, cost) == weak


SALTS = {
    "yescrypt": "$y$j9T$LtsO7G9hMcKwJAcDqD71d0$IcEqUnVUW0YMAH1KvuI.nXI.mQVnEc21qrb7hcm49A.",
    "sha512": "$6$KX6xOsaltsalt$Wa2DXP0BzlzFk50Bsu5KX6xOWa2DXP0BzlzFk50Bsu5",
    "rounds": "$6$rounds=656000$KX6xOsaltsalt$Wa2DXP0BzlzFk50Bsu5KX6xOWa2DXP0BzlzFk50Bsu5",
    "scrypt": "$7$CU..../....saltsaltsalt$Wa2DXP0BzlzFk50Bsu5KX6xOWa2DXP0BzlzFk50Bsu5",
    "bcrypt": "$2b$12$abcdefghijklmnopqrstuuWa2DXP0BzlzFk50Bsu5KX6xOWa2DXP0B",
    "md5": "$1$fGeSAtK6$Aff.8gmCWrtFl4oLAmlYg0",
    "des": "tKsixC68kX1dN",
    "odd": "$saltsaltsalt",
    "odder": "$6$salt$more$of$it",
    "empty": "",
    "locked": "!$6$KX6xOsaltsalt$Wa2DXP0B",
    "never": "*",
}


def reduce(folder: Path, shadow: str, notes: dict[str, str]) -> str:
    """Run the awk program of a reading over files of one's own."""
    script = REDUCE
    for path, text in {"/etc/passwd": "root:x:0:0\nplain:abc:1:1\n", "/etc/shadow": shadow, **notes}.items():
        place = folder / path.rpartition("/")[2]
        place.write_text(text)
        script = script.replace(path, str(place))
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_no_salt_and_no_hash_leaves_the_host(tmp_path: Path) -> None:
    shadow = "".join(f"{name}:{field}:20781:0:99999:7:::\n" for name, field in SALTS.items())
    notes = {
        POLICY_NOTE: "since 5\nolder sha512 KX6xOsaltsalt\n",
        ISSUED_NOTE: "bcrypt 77 12$abcdefghijklmnopqrstuu\n",
    }
    out = reduce(tmp_path, shadow, notes)
    for field in SALTS.values():
        secret = [part for part in field.split("$")[2:] if len(part) > 6 and not part.startswith("rounds=")]
        assert not [part for part in secret if part in out]
    found = parse(out)
    by_name = {account.name: account for account in found.accounts}
    assert found.complete
    assert found.plain == (("plain", "hash"),)
    assert found.note == {"since": 5}
    assert {n: (a.scheme, a.cost) for n, a in by_name.items()} == {
        "yescrypt": ("y", "j9T"), "sha512": ("6", ""), "rounds": ("6", "rounds=656000"), "scrypt": ("7", "C"),
        "bcrypt": ("2b", "12"), "md5": ("1", ""), "des": ("des", ""), "odd": ("unknown", ""),
        "odder": ("6", ""), "empty": ("empty", ""),
    }  # fmt: skip
    assert [n for n, a in by_name.items() if a.older] == ["sha512"]
    assert [n for n, a in by_name.items() if a.issued_at] == ["bcrypt"]


def test_the_first_of_two_lines_counts(tmp_path: Path) -> None:
    assert [a.scheme for a in parse(reduce(tmp_path, "u::1::::::\nu:$6$s$h:1::::::\n", {})).accounts] == [
        "empty"
    ]


@pytest.mark.parametrize(
    "text",
    ["", "read\t1\t1\nread\t1\t1\n", "read\t0\t5\n", "account\tx\n", "junk\nread\t1\t1\n", "read\t1\n",
     "account\tu\t6\trounds=x\t1\t0\t9\t0\t\nread\t1\t1\n", "account\tu\ty\tj9T\tx\t0\t9\t0\t\nread\t1\t1\n"],
)  # fmt: skip
def test_what_is_not_whole_is_not_complete(text: str) -> None:
    assert not parse(text).complete


@given(st.text())
def test_any_text_is_parsed(text: str) -> None:
    for account in parse(text).accounts:
        weakness(account.scheme, account.cost)
    last_values(text)


@given(st.lists(st.text(alphabet="account\tread0123456789y6$j9T\n=rounds-", max_size=60)))
def test_nearly_right_text_is_parsed(lines: list[str]) -> None:
    for account in parse("\n".join(lines)).accounts:
        weakness(account.scheme, account.cost)


def test_login_defs() -> None:
    text = '# ENCRYPT_METHOD MD5\nENCRYPT_METHOD DES\n\tENCRYPT_METHOD\t"SHA512" \nUMASK\t022\nALONE\n'
    assert last_values(text) == {"ENCRYPT_METHOD": "SHA512", "UMASK": "022", "ALONE": ""}
