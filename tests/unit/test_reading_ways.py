"""How hosts are reached: what ssh is asked, what an error becomes, and the reading process's protocol."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.model import CommandRead, Outcome, Topic
from kijun.reading import reasons
from kijun.reading.client import Reader
from kijun.reading.protocol import Answer, Connection, Job, read_answers, read_job, write_answer, write_job
from kijun.reading.sshconfig import ConfigError, route


class Kept(io.BytesIO):
    """A stream whose content can be looked at after it was closed."""

    def close(self) -> None:
        self.seek(0)


@pytest.fixture(name="config")
def config_(tmp_path: Path) -> str:
    path = tmp_path / "config"
    path.write_text(
        f"""
Host web
  HostName 192.0.2.7
  Port 2222
  User deploy
  ProxyJump ops@hop1:23,hop2
  UserKnownHostsFile {tmp_path}/a {tmp_path}/b
  StrictHostKeyChecking accept-new
Host cmd
  ProxyCommand nc --to %h:%p --as %r --for %n 100%%
Host six
  HostName 2001:db8::1
  ProxyJump [2001:db8::2]:24
Match host m*
  User matched
  IdentityAgent none
"""
    )
    return str(path)


def test_ssh_s_own_configuration_is_honoured(config: str, tmp_path: Path) -> None:
    way = route(Connection("x", address="web", ssh_args=("-F", config)))
    assert (way.address, way.port, way.user, way.strict) == ("192.0.2.7", 2222, "deploy", "accept-new")
    assert way.known_hosts[:2] == (f"{tmp_path}/a", f"{tmp_path}/b")
    assert way.proxy == (f"ssh -o BatchMode=yes -F {config} -J ops@hop1:23 -W 192.0.2.7:2222 -- hop2")


def test_what_the_inventory_says_wins(config: str, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.touch()
    host = Connection(
        "x", address="web", port=99, user="me", key_file=str(key), ssh_args=("-F", config, "-J", "j@k:7")
    )
    way = route(host)
    assert (way.port, way.user, way.identities[0]) == (99, "me", str(key))
    assert way.proxy == f"ssh -o BatchMode=yes -F {config} -p 7 -l j -W 192.0.2.7:99 -- k"


def test_proxy_command_tokens_and_ipv6(config: str) -> None:
    command = route(Connection("x", address="cmd", user="u", ssh_args=("-F", config))).proxy
    assert command == "nc --to cmd:22 --as u --for cmd 100%"
    six = route(Connection("x", address="six", ssh_args=(f"-F{config}",))).proxy
    assert six.endswith("-p 24 -W '[2001:db8::1]:22' -- 2001:db8::2")


@pytest.mark.parametrize(
    ("args", "checking", "strict"),
    [
        ((), True, "yes"),
        (("-o", "StrictHostKeyChecking=ask"), True, "yes"),
        (("-o", "StrictHostKeyChecking=no"), True, "no"),
        (("-o", "StrictHostKeyChecking=accept-new"), True, "accept-new"),
        ((), False, "no"),
    ],
)
def test_host_keys_are_strict_unless_said_otherwise(
    args: tuple[str, ...], checking: bool, strict: str
) -> None:
    host = Connection("x", address="h", ssh_args=("-F", os.devnull, *args), host_key_checking=checking)
    assert route(host).strict == strict


def test_match_blocks_and_refused_options(config: str) -> None:
    way = route(Connection("x", address="m1", ssh_args=("-F", config)))
    assert (way.user, way.agent) == ("matched", "none")
    with pytest.raises(ConfigError, match="onsense"):
        route(Connection("x", address="h", ssh_args=("-o", "Nonsense=1")))
    with pytest.raises(ConfigError, match="invalid characters"):
        route(Connection("x", address="-oProxyCommand=false", ssh_args=("-F", os.devnull)))


SUDO = [
    ("kijun-ask\nSorry, try again.\nkijun-ask\n", "refused the password"),
    ("sudo: a password is required\n", "asks for a password"),
    ("sudo-rs: interactive authentication is required\n", "asks for a password"),
    ("sudo: sorry, you must have a tty to run sudo\n", "terminal"),
    ("op is not in the sudoers file.\n", "may not run"),
    ("Sorry, user op is not allowed to execute '/bin/sh' as root on h.\n", "may not run"),
    ("sh: 1: sudo: not found\n", "no sudo"),
    ("env: 'sudo': No such file or directory\n", "no sudo"),
    ("sudo: Account or password is expired, reset your password and try again\n", "expired"),
    ("sudo: something new\n", "something new"),
]


@pytest.mark.parametrize(("said", "words"), SUDO)
def test_what_sudo_says_becomes_a_sentence(said: str, words: str) -> None:
    outcome, reason = reasons.refused(f"kijun-pid 7\n{said}".encode(), 1)
    assert outcome is Outcome.DENIED
    assert words in reason


CONNECT = [
    ("SSH error (StrictPolicy: No host key for h found in known_hosts)", Outcome.DENIED, "accept-new"),
    ("SSH host key error (Host key for h does not match.)", Outcome.DENIED, "ssh-keygen -R"),
    ("Authentication error () (Private key file is encrypted)", Outcome.DENIED, "ssh-agent"),
    ("Authentication error (username=op)", Outcome.DENIED, "refused the login"),
    ("Could not resolve hostname ([Errno -2] Name or service not known)", Outcome.UNREACHABLE, "resolved"),
    ("Could not connect (timed out)", Outcome.UNREACHABLE, "does not answer"),
    ("Could not connect ([Errno 111] Connection refused)", Outcome.UNREACHABLE, "refuses connections"),
    ("Could not connect ([Errno None] Unable to connect to port 22 on h)", Outcome.UNREACHABLE, "no way"),
    ("SSH error (Error reading SSH protocol banner)", Outcome.UNREACHABLE, "MaxStartups"),
    ("anything else", Outcome.UNREACHABLE, "anything else"),
]


@pytest.mark.parametrize(("said", "outcome", "words"), CONNECT)
def test_what_pyinfra_says_becomes_a_sentence(said: str, outcome: Outcome, words: str) -> None:
    ending = reasons.connecting(said, "name", "h", 22)
    assert ending[0] is outcome
    assert words in ending[1]


@given(st.binary(max_size=300), st.integers(-9, 300))
def test_any_complaint_is_one_printable_sentence(said: bytes, status: int) -> None:
    outcome, reason = reasons.refused(said, status)
    assert outcome in (Outcome.DENIED, Outcome.MALFORMED)
    assert reason.isprintable()
    assert reason


def test_the_protocol_carries_everything() -> None:
    job = Job("script", "n", (Connection("a", password="s", ssh_args=("-J", "x")),), forks=3, timeout=1.5)
    stream = Kept()
    write_job(stream, job)
    assert read_job(stream) == job
    assert read_job(io.BytesIO()) is None
    assert "password='s'" not in repr(job)
    answers = [
        Answer("a", Outcome.COLLECTED, "", 0.5, b"\x00\n\xff", 9.25, 9.5),
        Answer("b", Outcome.DENIED, "no", 1.0),
    ]
    stream = Kept()
    for answer in answers:
        write_answer(stream, answer)
    data = stream.getvalue()
    assert list(read_answers(io.BytesIO(data))) == answers
    for cut in range(len(data)):  # the reading process died: what was whole is kept
        assert list(read_answers(io.BytesIO(data[:cut]))) in ([], answers[:1])


def test_importing_kijun_patches_nothing() -> None:
    code = """
import importlib, pkgutil, socket, sys, threading, time, select, subprocess
before = [socket.socket, threading.Thread, time.sleep, select.select, subprocess.Popen]
import kijun
for module in pkgutil.walk_packages(kijun.__path__, "kijun."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
assert before == [socket.socket, threading.Thread, time.sleep, select.select, subprocess.Popen]
from gevent import monkey
assert not any(monkey.is_module_patched(name) for name in ("socket", "thread", "time", "select"))
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_check_does_not_import_gevent_or_pyinfra() -> None:
    code = (
        "import kijun.cli, kijun.checking, sys; kijun.cli.build_app();"
        "print('gevent' in sys.modules, 'pyinfra' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False False\n"


def test_reading_this_machine_and_a_host_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way through the reading process; whether the local user is root decides how it ends."""
    topic = Topic("t", (CommandRead("c", "echo x"),), lambda _s, _p: ())
    hosts = [
        Connection("here", kind="local", become=False),
        Connection("closed", address="127.0.0.1", port=1, ssh_args=("-F", os.devnull)),
        Connection("never", unsupported="kijun does not read this"),
    ]
    with Reader() as reader:
        reads = {read.name: read for read in reader.read(hosts, [topic], timeout=20)}
    assert set(reads) == {"here", "closed", "never"}
    assert reads["closed"].outcome is Outcome.UNREACHABLE
    assert reads["never"].reason == "kijun does not read this"
    here = reads["here"]
    if os.geteuid() == 0:
        assert here.state is not None
        assert here.state.command("c").stdout == b"x\n"
        assert here.state.clock is not None
        low, high = here.state.clock.ahead  # of this very machine's clock
        assert low <= 0.001
        assert high >= -0.001
        assert high - low < here.seconds
    else:
        assert here.outcome is Outcome.DENIED


def test_a_reading_process_that_is_killed_leaves_no_host_out() -> None:
    topic = Topic("t", (CommandRead("c", "sleep 60"),), lambda _s, _p: ())
    with Reader() as reader:
        reading = reader.read([Connection("here", kind="local", become=False)], [topic], timeout=30)
        reader._process.kill()
        assert [read.outcome for read in reading] == [Outcome.TIMED_OUT]


def test_ssh_is_here() -> None:
    assert shutil.which("ssh")
