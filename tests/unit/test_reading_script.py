"""The compiled script, run by real shells on this machine, and the parser of what it prints."""

import base64
import gzip
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.model import CommandRead, FileRead, HostState, Read, Topic, UnreadError
from kijun.reading.archive import ArchiveError, entries
from kijun.reading.frames import FrameError, NotRootError, parse, started
from kijun.reading.script import Script, compile_reads, covers

LIMIT = 1024 * 1024
SHELLS = [name for name in ("sh", "dash", "bash") if shutil.which(name)]


def topic(*reads: Read, slug: str = "t") -> Topic:
    return Topic(slug, reads, lambda _state, _params: ())


def run(script: Script, shell: str = "sh", **kwargs: object) -> bytes:
    """Run it as root would: an answer of another user is refused, and tests need not be root."""
    text = script.text.replace("$(id -u)", "0").encode()
    done = subprocess.run([shell, "-s"], input=text, capture_output=True, timeout=20, check=False, **kwargs)
    return done.stdout


def as_root(raw: bytes, script: Script) -> HostState:
    return parse(raw, script, limit=LIMIT)


@pytest.fixture(name="tree")
def tree_(tmp_path: Path) -> Path:
    (tmp_path / "plain").write_bytes(b"a\x00b\xff\n")
    (tmp_path / "link").symlink_to("plain")
    os.link(tmp_path / "plain", tmp_path / "hard")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "d").mkdir(mode=0o750)
    (tmp_path / "d" / "one.conf").write_text("1")
    (tmp_path / "d" / ".hidden.conf").write_text("h")
    (tmp_path / "d" / "new\nline.conf").write_text("n")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / ("long" * 50)).write_text("long name")
    (tmp_path / "empty").touch()
    return tmp_path


@pytest.mark.parametrize("shell", SHELLS)
def test_files_come_as_they_are(tree: Path, shell: str) -> None:
    names = ("plain", "link", "hard", "dangling", "fifo", "d", "absent", "empty", "long" * 50, "d/*.conf")
    script = compile_reads([topic(*(FileRead(f"{tree}/{name}") for name in names))])
    state = as_root(run(script, shell), script)
    content = {str(Path(path).relative_to(tree)): entry.content for path, entry in state.files.items()}
    assert content == {
        "plain": b"a\x00b\xff\n",
        "link": b"a\x00b\xff\n",
        "hard": b"a\x00b\xff\n",
        "fifo": b"",
        "d": b"",
        "empty": b"",
        "long" * 50: b"long name",
        "d/one.conf": b"1",
        "d/new\nline.conf": b"n",
    }
    kinds = {name: state.files[f"{tree}/{name}"].kind for name in ("plain", "link", "d", "fifo")}
    assert kinds == {"plain": "file", "link": "file", "d": "dir", "fifo": "other"}
    assert state.files[f"{tree}/d"].mode == 0o750
    assert state.file(f"{tree}/absent") is None
    assert state.file(f"{tree}/dangling") is None
    assert abs(state.read_at - (tree / "plain").stat().st_mtime) < 60
    with pytest.raises(LookupError):
        state.file("/never/declared")


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_are_apart_from_each_other(shell: str) -> None:
    commands = {
        "plain": ("printf 'out\\n\\n'", 0, b"out\n\n"),
        "status": ("exit 7", 7, b""),
        "bytes": ("printf '\\000\\377'; false", 1, b"\x00\xff"),
        "stdin": ("cat; echo end", 0, b"end\n"),
        "stderr": ("echo no >&2; echo yes", 0, b"yes\n"),
        "leak1": ("x=leak; cd /; set -- a b; echo set", 0, b"set\n"),
        "leak2": ('echo "${x-none} $#"', 0, b"none 0\n"),
        "fake": ("printf '\\n@abc = 0\\n'", 0, b"\n@abc = 0\n"),
        "locale": ('echo "$LC_ALL $PATH"', 0, b"C /usr/sbin:/usr/bin:/sbin:/bin\n"),
        "heredoc": ("cat <<X\n)here\nX", 0, b")here\n"),
        "killed": ("kill -9 $(sh -c 'echo $PPID')", 137, b""),
        "frame": ("echo bad >&3; echo fine", 0, b"fine\n"),
        "unparsable": ("if true; then (", 2, b""),
        "after": ("echo it\\'s fine", 0, b"it's fine\n"),
        "nonce": ("env | grep -c kijun", 1, b"0\n"),
    }
    script = compile_reads([topic(*(CommandRead(name, text) for name, (text, _, _) in commands.items()))])
    state = as_root(run(script, shell), script)
    got = {name: (result.rc, result.stdout) for name, result in state.commands.items()}
    assert got == {name: (rc, out) for name, (_, rc, out) in commands.items()}


def test_noise_around_the_answer_is_skipped() -> None:
    script = compile_reads([topic(CommandRead("c", "echo x"))])
    raw = run(script)
    noise = b"Welcome!\r\n\xff\xfe @ start\n"
    assert as_root(noise + raw + b"logout\n", script).command("c").stdout == b"x\n"
    assert as_root(raw.replace(b"\n", b"\r\n"), script).command("c").stdout == b"x\n"  # through a terminal


def test_reads_are_made_once() -> None:
    same = CommandRead("c", "echo x")
    script = compile_reads([topic(same, FileRead("/etc/a")), topic(same, FileRead("/etc/*"), slug="u")])
    assert script.text.count("echo x") == 1
    assert "/etc/a" not in script.text
    assert script.patterns == {"/etc/a", "/etc/*"}


@pytest.mark.parametrize(
    "reads",
    [
        (CommandRead("c", "a"), CommandRead("c", "b")),
        (CommandRead("c d", "a"),),
        (FileRead("relative"),),
        (FileRead("/etc/$(reboot)"),),
        (FileRead("/etc/a b"),),
        (FileRead("/etc/a\n"),),
    ],
)
def test_mistakes_of_a_topic_are_refused(reads: tuple[Read, ...]) -> None:
    with pytest.raises(ValueError, match=r"not fit|different commands"):
        compile_reads([topic(*reads)])


def test_a_script_cut_off_on_its_way_does_nothing(tmp_path: Path) -> None:
    script = compile_reads([topic(CommandRead("c", f"echo ran > {tmp_path}/ran"))])
    for cut in range(0, len(script.text) - 3, 7):
        subprocess.run(["sh", "-s"], input=script.text[:cut].encode(), capture_output=True, check=False)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    script = compile_reads([topic(FileRead("/etc/*"), CommandRead("c", "echo"))])
    run(script, env={"TMPDIR": str(tmp_path), "HOME": str(tmp_path)}, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_exists_and_cannot_be_read_is_not_absent(tmp_path: Path) -> None:
    """A tar that fails on a file: here it is not there at all any more, or tar itself is broken."""
    (tmp_path / "a").write_text("1")
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "tar"
    fake.write_text(f"#!/bin/sh\necho 'tar: {tmp_path}/a: Cannot open: Input/output error' >&2\nexit 2\n")
    fake.chmod(0o755)
    script = compile_reads([topic(FileRead(f"{tmp_path}/*"))])
    text = script.text.replace("PATH=/usr/sbin", f"PATH={tmp_path}/bin:/usr/sbin")
    state = as_root(run(Script(text, script.nonce, script.patterns, script.commands)), script)
    assert state.files == {}
    assert state.unread[f"{tmp_path}/a"] == f"{tmp_path}/a: Cannot open: Input/output error"
    assert f"{tmp_path}/bin" in state.unread
    with pytest.raises(UnreadError, match="Input/output error"):
        state.file(f"{tmp_path}/a")
    with pytest.raises(UnreadError):
        state.glob(f"{tmp_path}/*")


def test_too_much_output_is_an_error_and_is_bounded() -> None:
    script = compile_reads([topic(CommandRead("c", "yes"))], limit=100_000)
    raw = run(script)
    assert len(raw) < 100_000
    with pytest.raises(FrameError, match="larger than"):
        parse(raw, script, limit=100_000)


def answer() -> tuple[bytes, Script]:
    script = compile_reads([topic(FileRead("/etc/os-release"), CommandRead("c", "echo x"))])
    return run(script), script


RAW, SCRIPT = answer()


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(FrameError):
        parse(data, SCRIPT, limit=LIMIT)
    packed = f"\n@{SCRIPT.nonce} start\n".encode() + data + f"\n@{SCRIPT.nonce} stop\n".encode()
    with pytest.raises(FrameError):
        parse(packed, SCRIPT, limit=LIMIT)


@given(st.integers(0, len(RAW) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_harmless(position: int, change: int) -> None:
    """Every byte of the packed part is covered by gzip's checksum; blanks around base64 mean nothing."""
    data = bytearray(RAW)
    data[position] ^= change
    try:
        state = parse(bytes(data), SCRIPT, limit=LIMIT)
    except FrameError:
        return
    assert state == parse(RAW, SCRIPT, limit=LIMIT)


@given(st.integers(0, len(RAW) - 2))
def test_a_truncated_answer_is_refused(end: int) -> None:
    with pytest.raises(FrameError):
        parse(RAW[:end], SCRIPT, limit=LIMIT)


PIECES = st.sampled_from(
    [
        "host 0 5.000000001\n",
        "paths .\n/etc/os-release\0",
        "tar .\n",
        "said .\nx",
        "= 0\n",
        "= x\n",
        "command c\nx",
        "done 6.000000001\n",
        "=",
    ]
)


@given(st.lists(PIECES | st.text(max_size=20), max_size=12))
def test_frames_in_any_order_are_refused_or_whole(pieces: list[str]) -> None:
    body = "".join(f"\n@{SCRIPT.nonce} {piece}" for piece in pieces).encode("utf-8", "replace")
    packed = base64.b64encode(gzip.compress(body))
    raw = b"\n@%s start\n%s\n@%s stop\n" % (SCRIPT.nonce.encode(), packed, SCRIPT.nonce.encode())
    try:
        state = parse(raw, SCRIPT, limit=LIMIT)
    except FrameError:
        return
    assert set(state.commands) == {"c"}
    assert state.read_at >= 0


WHOLE = ["host 0 5.000000001\n", "paths .\n", "= 0\n", "command c\nx", "= 0\n", "done 6.000000001\n"]


def packed(pieces: list[str]) -> bytes:
    body = "".join(f"\n@{SCRIPT.nonce} {piece}" for piece in pieces).encode()
    text = base64.b64encode(gzip.compress(body))
    return b"\n@%s start\n%s\n@%s stop\n" % (SCRIPT.nonce.encode(), text, SCRIPT.nonce.encode())


def test_each_frame_is_needed() -> None:
    """An answer whose transfer was whole, made by a script that was cut short on the host."""
    assert parse(packed(WHOLE), SCRIPT, limit=LIMIT).command("c").stdout == b"x"
    for left_out in (0, 2, 3, 4, 5):
        with pytest.raises(FrameError):
            parse(packed(WHOLE[:left_out] + WHOLE[left_out + 1 :]), SCRIPT, limit=LIMIT)
    for doubled in (2, 3, 4, 5):
        with pytest.raises(FrameError):
            parse(packed(WHOLE[: doubled + 1] + WHOLE[doubled:]), SCRIPT, limit=LIMIT)


TAR = subprocess.run(
    ["tar", "-cPh", "--format=gnu", "-b", "1", "/etc/os-release", "/etc/passwd"],
    capture_output=True,
    check=True,
).stdout


@given(st.integers(0, 511), st.integers(1, 255))
def test_a_changed_header_is_refused_or_harmless(position: int, change: int) -> None:
    data = bytearray(TAR)
    data[position] ^= change
    try:
        changed = list(entries(bytes(data)))
    except ArchiveError:
        return
    assert changed == list(entries(TAR))


@given(st.binary(max_size=2000))
def test_arbitrary_archives_are_refused(data: bytes) -> None:
    try:
        list(entries(data))
    except ArchiveError:
        return
    assert data[:512] == bytes(512)  # the only archive that short random bytes can be: an empty one


def test_an_answer_of_another_run_is_not_ours() -> None:
    other = compile_reads([topic(FileRead("/etc/os-release"), CommandRead("c", "echo x"))])
    assert other.nonce != SCRIPT.nonce
    assert not started(RAW, other.nonce)
    with pytest.raises(FrameError, match="marker"):
        parse(RAW, other, limit=LIMIT)


def test_another_user_than_root_is_refused() -> None:
    text = re.sub(r"\$\(id -u\)", "1000", SCRIPT.text)
    script = Script(text, SCRIPT.nonce, SCRIPT.patterns, SCRIPT.commands)
    with pytest.raises(NotRootError):
        parse(run(script), script, limit=LIMIT)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/etc/*", "/etc/a", True),
        ("/etc/*", "/etc/a/b", False),
        ("/etc/*", "/etc/.a", False),
        ("/etc/.*", "/etc/.a", True),
        ("/*/passwd", "/etc/passwd", True),
        ("/etc/[ab]", "/etc/c", False),
    ],
)
def test_covers_is_the_shell_s_rule(pattern: str, path: str, expected: bool) -> None:
    assert covers(pattern, path) is expected
