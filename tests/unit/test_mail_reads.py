"""The shell functions that take Postfix's text tables apart, run by the shell itself."""

import subprocess

import pytest

from kijun.topics._mail_reads import PATTERNS


def run(function, text):
    done = subprocess.run(
        ["sh", "-s"],
        input=f"{PATTERNS}{function} <<'end'\n{text}\nend\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("text", "leads_to"),
    [
        ("/x/ OK", ["OK"]),
        ("/./\n  OK", ["OK"]),
        ("/x/\n# between\n\n\tREJECT no\n/y/ OK", ["REJECT no", "OK"]),
        ("!/x/i OK", ["OK"]),
        ("/a\\/b/ x@y.invalid", ["x@y.invalid"]),
        ("if /x/\n/y/ OK\nendif", ["OK"]),
        ("|a/b|x OK", ["OK"]),
        ("# /x/ OK", []),
        ("", []),
    ],
)
def test_a_pattern_leads_somewhere_also_on_its_next_line(text, leads_to):
    assert run("kijun_patterns", text) == [f"-\t{value}" for value in leads_to]


def test_a_network_and_what_it_leads_to_can_be_on_two_lines():
    assert run("kijun_lines", "# all\n0.0.0.0/0\n    OK\n\n10.0.0.0/8 REJECT") == [
        "0.0.0.0/0    OK",
        "10.0.0.0/8 REJECT",
    ]
