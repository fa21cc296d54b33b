"""The headers of sabotage scripts, choosing among them, and what counts as caught."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from kijun.errors import KijunError
from kijun.sabotaging import Caught, Trial, folder, telling
from kijun.sabotaging.scripts import Sabotage, collect, parse, sample
from kijun.standard import load_standard

HEADER = "#!/bin/sh\n# breaks: a.x, a.y\n# caught-by: reading\n# what: It breaks.\nset -eu\n# breaks: a.z\n"


def put(base: Path, topic: str, name: str, text: str = HEADER) -> Path:
    path = base / topic / f"{name}.sh"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_the_header_says_what_is_broken(tmp_path: Path) -> None:
    script = parse(put(tmp_path, "a", "one"))
    assert (script.topic, script.name) == ("a", "one")
    assert (script.breaks, script.caught_by, script.what) == (("a.x", "a.y"), "reading", "It breaks.")
    assert (script.releases, script.subject) == ((), "")


def test_the_header_says_what_host_it_is_for(tmp_path: Path) -> None:
    header = HEADER.replace("set -eu", "# releases: trixie\n# subject: exim\nset -eu")
    script = parse(put(tmp_path, "a", "one", header))
    assert (script.releases, script.subject) == (("trixie",), "exim")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("# breaks: a.x, a.y\n", "breaks"),
        ("# caught-by: reading\n", "caught-by"),
        ("# what: It breaks.\n", "what"),
    ],
)
def test_a_missing_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(KijunError, match=words):
        parse(put(tmp_path, "a", "one", HEADER.replace(line, "")))


@pytest.mark.parametrize("bad", ["# breaks: nonsense", "# breaks: A.x", "# caught-by: luck"])
def test_a_wrong_line_is_named(tmp_path: Path, bad: str) -> None:
    with pytest.raises(KijunError, match="found"):
        parse(put(tmp_path, "a", "one", f"{HEADER.split('set', maxsplit=1)[0]}{bad}\n"))


def test_choosing(tmp_path: Path) -> None:
    for topic, name in (("a", "one"), ("a", "two"), ("b", "three")):
        put(tmp_path, topic, name)
    assert [s.name for s in collect(tmp_path)] == ["one", "two", "three"]
    assert [s.name for s in collect(tmp_path, topics=["b"])] == ["three"]
    assert [s.name for s in collect(tmp_path, only=["two"])] == ["two"]
    with pytest.raises(KijunError, match="no sabotage for c"):
        collect(tmp_path, topics=["c"])
    with pytest.raises(KijunError, match=r"no sabotage script four\.sh"):
        collect(tmp_path, only=["four"])


def test_a_sample_has_every_topic_and_can_be_repeated() -> None:
    scripts = [Sabotage(t, f"{t}{i}", Path(), (f"{t}.x",), "reading", "") for t in "abc" for i in range(5)]
    for seed in range(20):
        chosen = sample(scripts, 3, seed)
        assert {script.topic for script in chosen} == {"a", "b", "c"}
        assert chosen == sample(scripts, 3, seed)
    assert sample(scripts, 99, 1) == sorted(scripts, key=lambda s: (s.topic, s.name))


@pytest.mark.parametrize(
    ("caught_by", "caught", "good"),
    [
        ("reading", Caught.BY_READING, True),
        ("reading", Caught.BY_PROOF, False),
        ("reading", Caught.NOT_CAUGHT, False),
        ("reading", Caught.NOT_BROKEN, False),
        ("proof", Caught.BY_PROOF, True),
        ("proof", Caught.BY_READING, True),
        ("proof", Caught.NOT_CAUGHT, False),
    ],
)
def test_what_counts_as_caught(caught_by: str, caught: Caught, good: bool) -> None:
    script = Sabotage("a", "one", Path(), ("a.x",), caught_by, "It breaks.")
    trial = Trial(script, "trixie", caught, "why")
    assert trial.as_expected is good
    assert "a/one" in telling.as_table([trial])
    assert json.loads(telling.as_json([trial]))["trials"][0]["caught"] == caught.name.lower()


def test_our_own_scripts_name_controls_of_their_topic_and_are_sound_sh() -> None:
    scripts = collect(folder())
    known = load_standard().controls
    assert scripts
    for script in scripts:
        assert not [control for control in script.breaks if control not in known], script.path
        assert {control.partition(".")[0] for control in script.breaks} == {script.topic}, script.path
        shell = shutil.which("dash") or "sh"
        assert subprocess.run([shell, "-n", str(script.path)], check=False).returncode == 0, script.path


def test_every_topic_has_at_least_eight_ways_to_be_broken() -> None:
    topics = [path.stem for path in (folder().parents[1] / "kijun" / "topics").glob("[a-z]*.py")]
    counts = {topic: len(list((folder() / topic).glob("*.sh"))) for topic in topics}
    assert all(count >= 8 for count in counts.values()), counts
