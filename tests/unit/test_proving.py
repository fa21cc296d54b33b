"""Records of proofs, results per control, exit codes, dialogues on terminals, and what is kept secret."""

import itertools
import json
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.errors import KijunError
from kijun.proving.job import ProofJob, TestEvent, TestList, parse
from kijun.proving.pty import PtyEndedError, PtySession, PtyTimeoutError
from kijun.proving.running import HostProofs, Proving
from kijun.proving.telling import as_json, as_text
from kijun.proving.users import Secret, new_name, strong_password
from kijun.reading.protocol import Connection
from kijun.records.proofs import ProofRecord, ProofResult, load, proofs_file, proven, store

P, F, E, N = ProofResult.PROVEN, ProofResult.FAILED, ProofResult.ERROR, ProofResult.NOT_RUN
DATE = "2026-04-01T00:00:00+00:00"


def record(control: str, result: ProofResult = P, digest: str = "d1") -> ProofRecord:
    return ProofRecord(control, result, DATE, ("test_a.py::test_x",), digest)


def test_what_is_stored_is_loaded_again_and_other_controls_stay(tmp_path: Path) -> None:
    store("h", [record("a.x"), record("a.y")], tmp_path)
    store("h", [record("a.y", F), record("a.z", N)], tmp_path)
    assert load("h", tmp_path) == {"a.x": record("a.x"), "a.y": record("a.y", F)}
    assert [path.name for path in tmp_path.iterdir()] == ["h.json"]


def test_proven_only_in_the_very_state_that_was_proven() -> None:
    records = {"a.x": record("a.x"), "a.y": record("a.y", F), "a.z": record("a.z", digest="")}
    assert proven("a.x", "d1", records)
    assert not proven("a.x", "d2", records)
    assert not proven("a.y", "d1", records)
    assert not proven("a.z", "", records)  # nothing was read: nothing is the same
    assert not proven("a.other", "d1", records)


@given(st.text(min_size=1))
def test_no_host_name_leads_out_of_the_folder(name: str) -> None:
    folder = Path("/state/proofs")
    path = proofs_file(name.encode("utf-8", "replace").decode(), folder)
    assert path.parent == folder
    assert path.suffix == ".json"
    assert len(path.name) < 240


def test_different_hosts_have_different_files() -> None:
    names = ["a/b", "a%2Fb", "..", ".", "x" * 300, "x" * 301, "ホスト"]
    assert len({proofs_file(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"schema": 1, "host": "other", "controls": {}}', '{"schema": 9}']
)
def test_a_damaged_record_is_one_sentence(tmp_path: Path, text: str) -> None:
    proofs_file("h", tmp_path).write_text(text)
    with pytest.raises(KijunError, match="prove the host again"):
        load("h", tmp_path)


def event(result: ProofResult, *controls: str, reason: str = "") -> TestEvent:
    return TestEvent("test_a.py::test_x", controls, result, 1.0, reason)


@pytest.mark.parametrize(
    ("results", "whole"),
    [([P], P), ([P, P], P), ([P, N], N), ([P, E, N], E), ([P, E, F], F), ([N], N)],
)
def test_a_control_is_as_good_as_its_worst_proof(results: list[ProofResult], whole: ProofResult) -> None:
    host = HostProofs("h", [event(result, "a.x") for result in results])
    assert host.controls == {"a.x": whole}


@pytest.mark.parametrize(
    ("hosts", "code"),
    [
        ([HostProofs("h", [event(P, "a.x"), event(N, "a.y")])], 0),
        ([HostProofs("h", [event(P, "a.x"), event(F, "a.y"), event(E, "a.z")])], 1),
        ([HostProofs("h", [event(P, "a.x"), event(F)])], 1),  # also where it names no control
        ([HostProofs("h", [event(P, "a.x"), event(E, "a.y")])], 2),
        ([HostProofs("h", [event(P, "a.x")]), HostProofs("dead", problem="unreachable")], 2),
        ([HostProofs("h", [event(N, "a.x", reason="needs --intrusive")])], 2),
        ([HostProofs("h")], 2),
    ],
)
def test_exit_codes_and_reports(hosts: list[HostProofs], code: int) -> None:
    done = Proving(datetime(2026, 4, 1, tzinfo=UTC), hosts)
    assert done.exit_code == code
    assert as_text(done)
    assert set(json.loads(as_json(done))["hosts"]) == {host.name for host in hosts}


def test_what_was_not_run_is_said_and_never_counted() -> None:
    events = [
        event(N, "a.x", "a.y", reason="needs --intrusive"),
        event(N, "b.z", reason="no mail server"),
        event(P, "b.z"),
        event(N, "b.z", reason="no radio"),
    ]
    done = Proving(datetime(2026, 4, 1, tzinfo=UTC), [HostProofs("h", events)])
    assert as_text(done) == [
        "h:",
        "  not run  a: x, y (needs --intrusive)",
        "  not run  b: z (no mail server; no radio)",
        "Controls: 3 not run.",
        "Not run: proofs that make a throw-away user or provoke a lockout; --intrusive runs them.",
    ]
    assert done.count(P) == 0


def test_messages_survive_the_pipe() -> None:
    one = event(F, "a.x", reason="no\nsuch 人")
    assert parse(one.line().encode()) == one
    assert parse(TestList(("a", "b")).line().encode()) == TestList(("a", "b"))
    job = ProofJob(Connection("h", ssh_args=("-C",)), {"a_x": 1}, "/p", ("test_a.py",), "/s", True, ("a.x",))
    assert ProofJob.parse(job.line()) == job


def test_a_secret_shows_nowhere() -> None:
    secret = strong_password(24)
    assert secret not in repr(secret)
    assert secret not in repr([secret])
    assert Secret.hide(f"x{secret}y") == "x***y"


@given(st.integers(8, 128))
def test_passwords_please_any_policy(length: int) -> None:
    password = strong_password(length)
    assert len(password) == length
    kinds = [str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum()]
    assert all(any(kind(c) for c in password) for kind in kinds)
    assert not any(
        a.isalnum() and b.isalnum() and abs(ord(a) - ord(b)) <= 1 for a, b in itertools.pairwise(password)
    )
    assert new_name() != new_name()


class FakeChannel:
    """A terminal that says its lines one after another."""

    def __init__(self, *said: bytes, ends: bool = False) -> None:
        self.said, self.ends, self.sent = list(said), ends, b""

    def recv_ready(self) -> bool:
        return bool(self.said)

    def recv(self, _nbytes: int, /) -> bytes:
        return self.said.pop(0)

    def sendall(self, s: bytes, /) -> None:
        self.sent += s

    def exit_status_ready(self) -> bool:
        return self.ends and not self.said

    def recv_exit_status(self) -> int:
        return 7

    def close(self) -> None:
        self.ends = True


def test_a_dialogue_waits_for_each_prompt() -> None:
    channel = FakeChannel(b"Current pass", b"word: ", b"\r\nNew password: ", ends=True)
    session = PtySession(channel)
    session.dialogue(("current password:", "old"), ("new password:", "new"))
    assert channel.sent == b"old\nnew\n"
    assert session.wait() == 7


def test_a_missing_prompt_ends_in_time_and_shows_no_secret() -> None:
    session = PtySession(FakeChannel(b"hunter2? no"), secrets=["hunter2"])
    with pytest.raises(PtyTimeoutError) as late:
        session.expect("never", timeout=0.1)
    assert "hunter2" not in str(late.value)
    assert "***? no" in str(late.value)


def test_the_end_of_a_session_is_not_waited_for() -> None:
    with pytest.raises(PtyEndedError, match="the session ended"):
        PtySession(FakeChannel(b"bye", ends=True)).expect("never", timeout=30)


PROOFS = '''
    import pytest

    @pytest.fixture(scope="module")
    def log(host):
        yield
        host.check_output("echo module >> %s", "{log}")

    @pytest.mark.proves("a.x")
    def test_passes(host, params):
        """It holds."""
        assert params["a_n"] == 5 and host.check_output("echo hello") == "hello"

    @pytest.mark.intrusive
    @pytest.mark.proves("a.y")
    def test_fails(log, host):
        """It does not hold."""
        assert host.check_output("echo no") == "yes", "was no"

    @pytest.mark.proves("a.z")
    def test_breaks(log):
        """It cannot be told."""
        raise OSError("gone")
'''


def ask(tmp_path: Path, *, intrusive: bool, orders: bytes) -> list[TestEvent | TestList]:
    """Run a real process of proofs against this machine."""
    folder = tmp_path / "proofs"
    folder.mkdir()
    real = Path(__file__).parents[1] / "proofs" / "conftest.py"
    (folder / "conftest.py").write_text(real.read_text())
    (folder / "test_a.py").write_text(textwrap.dedent(PROOFS).replace("{log}", str(tmp_path / "log")))
    connection = Connection("here", kind="local", become=False)
    job = ProofJob(connection, {"a_n": 5}, str(folder), ("test_a.py",), str(tmp_path), intrusive)
    done = subprocess.run(
        [sys.executable, "-m", "kijun.proving"], input=job.line() + orders, capture_output=True, check=True
    )
    return [parse(line) for line in done.stdout.splitlines()]


def test_a_process_of_proofs_runs_what_it_is_told(tmp_path: Path) -> None:
    listed, *events = ask(tmp_path, intrusive=True, orders=b"1 2\n2 0\n0 -1\n")
    assert isinstance(listed, TestList)
    assert len(listed.tests) == 3
    told = [(e.result, e.controls, e.reason) for e in events if isinstance(e, TestEvent)]
    assert told == [(F, ("a.y",), "was no"), (E, ("a.z",), "gone"), (P, ("a.x",), "")]
    assert (tmp_path / "log").read_text() == "module\n"


def test_intrusive_proofs_are_not_run_unless_wanted(tmp_path: Path) -> None:
    left_out, listed, *events = ask(tmp_path, intrusive=False, orders=b"0 -1\n")
    assert isinstance(left_out, TestEvent)
    assert (left_out.result, left_out.controls, left_out.what) == (N, ("a.y",), "It does not hold.")
    assert isinstance(listed, TestList)
    assert len(listed.tests) == 2
    assert [e.result for e in events if isinstance(e, TestEvent)] == [P]
