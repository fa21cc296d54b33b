"""An export is verified without kijun, by plain Python; checkpoints are anchors that nobody else can make."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun import cli
from kijun.records import verifier
from tests.unit import recorded

# Debian 12's own, where there is one: auditors need no Python of kijun's.
PYTHONS = sorted({sys.executable, *filter(None, [shutil.which("python3", path="/usr/bin")])})


@pytest.fixture(name="given", scope="module")
def given_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a record, keys, their allowed_signers, an export and its verifier."""
    folder = tmp_path_factory.mktemp("given")
    recorded.fill(folder / "record.sqlite")
    lines = []
    for name in ("auditor", "stranger"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name], check=True
        )
        lines.append(f'{name} namespaces="kijun-record" {(folder / f"{name}.pub").read_text()}')
    (folder / "signers").write_text(lines[0])
    where = ["--record", str(folder / "record.sqlite")]
    export = ["-o", str(folder / "export"), "--verifier", str(folder / "verify.py")]
    assert cli.run(["record", "export", *where, *export]) == 0
    assert (
        cli.run(
            ["record", "checkpoint", *where, "--key", str(folder / "auditor"), "-o", str(folder / "anchor")]
        )
        == 0
    )
    return folder


@pytest.fixture(name="copy")
def copy_(given: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(given, tmp_path / "copy"))


def verified(folder: Path, *words: str, python: str = PYTHONS[0]) -> tuple[int, str]:
    """Verify as an auditor does: no kijun, no other package, no environment."""
    command = [python, "-I", "-S", str(folder / "verify.py"), str(folder / "export"), *words]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", env={"PATH": "/usr/bin:/bin"}
    )
    return done.returncode, done.stdout + done.stderr


def anchor(folder: Path, name: str = "anchor") -> list[str]:
    return ["--anchor", str(folder / name), "--allowed-signers", str(folder / "signers")]


@pytest.mark.parametrize("python", PYTHONS)
def test_plain_python_verifies_an_export(given: Path, python: str) -> None:
    code, said = verified(given, *anchor(given), python=python)
    assert code == 0
    assert said.startswith("Whole: 7 events of record ")
    assert "It holds what auditor signed on " in said
    assert "cannot be told without an anchor" in verified(given)[1]


def test_the_verifier_is_plain_python(given: Path) -> None:
    assert (given / "verify.py").read_text() == Path(verifier.__file__).read_text()
    assert "import kijun" not in (given / "verify.py").read_text()
    assert "from kijun" not in (given / "verify.py").read_text()


def test_an_export_is_its_owners(given: Path) -> None:
    assert (given / "export").stat().st_mode & 0o777 == 0o600


Lines = list[dict[str, object]]


def _edit(lines: Lines) -> Lines:
    return [
        {
            **line,
            "event": [
                str(f).replace('"fail":1', '"fail":0') if n == 4 else f for n, f in enumerate(line["event"])
            ],
        }  # type: ignore[arg-type]
        if "event" in line
        else line
        for line in lines
    ]


def _events(lines: Lines) -> list[int]:
    return [number for number, line in enumerate(lines) if "event" in line]


def _without(number: int) -> Callable[[Lines], Lines]:
    return lambda lines: [line for place, line in enumerate(lines) if place != _events(lines)[number]]


def _swapped(lines: Lines) -> Lines:
    one, two = _events(lines)[2:4]
    lines[one], lines[two] = lines[two], lines[one]
    return lines


def _cut(lines: Lines) -> Lines:
    return lines[: _events(lines)[-1]]


def _cut_and_closed(lines: Lines) -> Lines:
    kept = lines[: _events(lines)[-1]]
    event = kept[-1]["event"]
    return [*kept, {"end": [event[0], event[-1]]}]  # type: ignore[index]


def _blob(**changes: object) -> Callable[[Lines], Lines]:
    return lambda lines: [{**line, **changes} if "blob" in line else line for line in lines]


def _hosts(lines: Lines) -> Lines:
    return [{**line, "hosts": {}} if line.get("hosts") else line for line in lines]


WAYS: dict[str, tuple[Callable[[Lines], Lines], str]] = {
    "an event edited": (_edit, "event 2: it is not what its hash says"),
    "an event deleted": (_without(2), "event 4: it comes right after event 2"),
    "the first deleted": (_without(0), "its beginning is missing"),
    "two swapped": (_swapped, "events are missing"),
    "the end cut off": (_cut, "the export is cut off: its last line is missing"),
    "the last event deleted": (_without(-1), "the export does not end where it says"),
    "findings exchanged": (_blob(data="eJwDAAAAAAE="), "is not what its digest says"),
    "findings damaged": (_blob(data="AAAA"), "cannot be unpacked"),
    "findings of another type": (_blob(data=7), "is damaged"),
    "a digest of another type": (_blob(blob=None), "is damaged"),
    "hosts taken out": (_hosts, "what it names of hosts is not what it was sealed with"),
    "something appended": (lambda lines: [*lines, {"event": []}], "something follows the end"),
    "a line of nonsense": (lambda lines: [lines[0], {"x": 1}, *lines[1:]], "line 2 of the export is damaged"),
}


@pytest.mark.parametrize("way", WAYS)
def test_tampering_with_an_export_is_found(copy: Path, way: str) -> None:
    change, words = WAYS[way]
    lines = [json.loads(line) for line in (copy / "export").read_text().splitlines()]
    (copy / "export").write_text("".join(json.dumps(line) + "\n" for line in change(lines)))
    code, said = verified(copy)
    assert (code, words in said) == (1, True), said
    assert "NOT WHOLE: " in said
    assert "Traceback" not in said


def test_an_export_cut_off_and_closed_again_is_found_by_an_anchor_only(copy: Path) -> None:
    lines = [json.loads(line) for line in (copy / "export").read_text().splitlines()]
    lines = [line for line in _cut_and_closed(lines) if "blob" not in line or line["base"] is None]
    (copy / "export").write_text("".join(json.dumps(line) + "\n" for line in lines))
    code, said = verified(copy, *anchor(copy))
    assert code == 1
    assert "the end is missing: the checkpoint of " in said


@pytest.mark.parametrize(
    "content", [b"", b"{}\n", b"\x00\xff\n", b"[1]\n", b'{"kijun-record": 2}\n', b"[" * 99999]
)
def test_what_is_no_export_is_one_sentence(copy: Path, content: bytes) -> None:
    (copy / "export").write_bytes(content)
    code, said = verified(copy)
    assert code in {1, 3}
    assert "Traceback" not in said


@given(st.binary(max_size=200), st.integers(0, 40))
def test_any_bytes_in_an_export_are_told(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, place: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-export"
    good = [b'{"kijun-record":1}', *[b"{}"] * 3]
    good.insert(1 + place % 4, junk.replace(b"\n", b""))
    path.write_bytes(b"\n".join(good))
    assert verifier.verify_export(path)[1]


# --- checkpoints ---------------------------------------------------------------------------------------


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = cli.run(list(map(str, words)))
    out, err = capsys.readouterr()
    return code, out, err


def test_a_checkpoint_is_an_anchor(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "record", "verify", "--record", given / "record.sqlite", *anchor(given))
    assert (code, err) == (0, "")
    assert "It holds what auditor signed on " in out


def _signed_by_another(folder: Path) -> None:
    where = ["--record", str(folder / "record.sqlite"), "--key", str(folder / "stranger")]
    assert cli.run(["record", "checkpoint", *where, "-o", str(folder / "anchor")]) == 0


def _changed(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        document = json.loads((folder / "anchor").read_text())
        (folder / "anchor").write_text(json.dumps({**document, **changes}))

    return change


FORGED: dict[str, tuple[Callable[[Path], None], str]] = {
    "by somebody else": (_signed_by_another, "not signed by an allowed signer"),
    "of an earlier event": (_changed(seq=3), "not signed by an allowed signer"),
    "of another hash": (_changed(hash="0" * 64), "not signed by an allowed signer"),
    "without a signature": (_changed(signature=""), "not signed by an allowed signer"),
    "of another form": (_changed(seq="x"), "not a checkpoint of a record"),
    "of a newer format": (_changed(**{"kijun-checkpoint": 2}), "a newer verifier is needed"),
    "without signers": (
        lambda folder: (folder / "signers").unlink(),
        "there is no such file of allowed signers",
    ),
    "for another purpose": (
        lambda folder: (folder / "signers").write_text(
            (folder / "signers").read_text().replace("kijun-record", "file")
        ),
        "not signed by an allowed signer",
    ),
}


@pytest.mark.parametrize("way", FORGED)
def test_a_forged_checkpoint_is_no_anchor(copy: Path, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    forge, words = FORGED[way]
    forge(copy)
    capsys.readouterr()
    code, out, err = run(capsys, "record", "verify", "--record", copy / "record.sqlite", *anchor(copy))
    assert (code, out) == (3, "")
    assert words in err
    assert err.count("\n") == 1
    code, said = verified(copy, *anchor(copy))
    assert (code, words in said) == (3, True)


def test_a_record_that_is_not_whole_is_not_signed(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded.tamper(copy / "record.sqlite", "DELETE FROM record_events WHERE seq = 3")
    (copy / "anchor").unlink()
    where = ["--record", copy / "record.sqlite"]
    code, _, err = run(
        capsys, "record", "checkpoint", *where, "--key", copy / "auditor", "-o", copy / "anchor"
    )
    assert code == 3
    assert "so no checkpoint is made of it; see 'kijun record verify'" in err
    assert not (copy / "anchor").exists()


BAD = {
    "checkpoint --key /no/such -o {}/new": "--key: /no/such: there is no such file.",
    "checkpoint --key {}/signers -o {}/new": "{}/signers does not sign (",
    "checkpoint --key {}/auditor -o /no/such/new": "there is no folder /no/such",
    "export -o /no/such/new": "there is no folder /no/such",
    "export -o {}": "is a folder; name a file.",
    "export -o {}/new --verifier /no/such/new": "there is no folder /no/such",
}


@pytest.mark.parametrize("words", BAD)
def test_bad_input_is_one_sentence(copy: Path, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    words_, expected = words.replace("{}", str(copy)), BAD[words].replace("{}", str(copy))
    code, out, err = run(capsys, "record", *words_.split(), "--record", copy / "record.sqlite")
    assert (code, out) == (3, "")
    assert expected in err
    assert err.count("\n") == 1
    assert not (copy / "new").exists()


def test_a_record_that_is_not_whole_is_exported_as_it_is(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded.tamper(
        copy / "record.sqlite",
        "UPDATE record_events SET payload = X'FF' WHERE seq = 3",
        "DELETE FROM record_hosts",
    )
    assert run(capsys, "record", "export", "--record", copy / "record.sqlite", "-o", copy / "export")[0] == 0
    code, said = verified(copy)
    assert code == 1
    assert "event 2: what it names of hosts" in said
