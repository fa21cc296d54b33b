"""How a station tries to get in, by the script that runs on the host, with programs that do as told."""

import os
import subprocess

import pytest

from kijun.proving import radios

SUPPLICANT = """#!/bin/sh
for word; do case $word in -P*) pid=${word#-P} ;; esac; done
if [ "$ACTS" = broken ]; then echo "Line 3: unknown"; exit 255; fi
if [ "$ACTS" = dies ]; then exit 0; fi
(sleep 0.3; setsid sleep 60 >/dev/null & echo $! >"$pid") >/dev/null 2>&1 &
"""
CLI = '#!/bin/sh\nif [ "$ACTS" = joins ]; then echo wpa_state=COMPLETED; else echo wpa_state=SCANNING; fi\n'


@pytest.fixture
def attempt(tmp_path):
    """Run an attempt of `seconds` with programs that act in a given way; return how it ended."""
    for name, text in (("wpa_supplicant", SUPPLICANT), ("wpa_cli", CLI)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    def run(acts, seconds):
        script = radios._ASSOCIATE.replace(radios.FOLDER, str(tmp_path))
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        argv = ["sh", "-c", script, "sh", "one", "wlan4", str(seconds)]
        environment = {**os.environ, "PATH": path, "ACTS": acts}
        return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=30)

    return run


def test_a_station_that_gets_in_says_so_and_ends(attempt, tmp_path):
    done = attempt("joins", 20)
    assert done.stdout.split()[0] == "in"
    pid = int((tmp_path / "one.pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_station_that_is_refused_tries_as_long_as_it_was_told_to(attempt):
    state, seconds = attempt("refused", 2).stdout.split()
    assert (state, 2 <= int(seconds) <= 4) == ("out", True)


@pytest.mark.parametrize("acts", ["broken", "dies"])
def test_a_station_that_does_not_start_is_neither_in_nor_out(attempt, acts):
    done = attempt(acts, 2)
    assert done.returncode == 1
    assert done.stdout.strip() in ("", "Line 3: unknown")


class Host:
    """Answers every command with one text."""

    def __init__(self, text):
        self.text = text

    def run(self, *_words):
        return subprocess.CompletedProcess([], 0, stdout=self.text)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Successfully initialized wpa_supplicant\nin 3\n", (True, 3.0)),
        ("Successfully initialized wpa_supplicant\nout 12\n", (False, 12.0)),
    ],
)
def test_what_an_attempt_says_is_understood(said, expected):
    assert radios.Station(Host(said), "one", "wlan4").associates(12) == expected


@pytest.mark.parametrize("said", ["", "Line 3: unknown network field\n", "in", "out of memory\n"])
def test_an_attempt_that_did_not_begin_is_never_a_refusal(said):
    with pytest.raises(AssertionError, match="did not start"):
        radios.Station(Host(said), "one", "wlan4").associates(12)
