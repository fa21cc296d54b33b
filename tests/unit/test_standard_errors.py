"""A broken rulebook is refused with one sentence that names the file, the key and what was expected."""

from pathlib import Path

import pytest
import yaml

from kijun.documents import standard_root
from kijun.errors import StandardError
from kijun.parameters import load_parameters
from kijun.standard import Standard
from kijun.standard.validating import in_order, problems, validate
from tests.unit import rulebooks

CASES = yaml.safe_load((Path(__file__).parent / "data" / "broken_rulebooks.yml").read_text("utf-8"))
CONTROLS = "standards/small/controls/doors.yml"
CLAUSES = "standards/small/clauses/S-1.yml"
ABOUT = "standards/small/standard.yml"


def load(root):
    standard = Standard(rulebooks.standard_of(root))
    validate(standard, load_parameters(root / "roles"))
    return standard


def break_it(files, case):
    place = files[case["file"]]
    for key in case["at"][:-1]:
        place = place[key]
    if "to" in case:
        place[case["at"][-1]] = case["to"]
    else:
        del place[case["at"][-1]]


def test_the_rulebook_to_break_is_sound(tmp_path):
    standard = load(rulebooks.write(tmp_path))
    assert list(standard.controls) == ["doors.locked", "doors.oiled"]
    assert standard.clauses["S-1.1"].parameters[1].open
    assert standard.headings["S-1"].title.say("ja") == "何か"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["says"][:80])
def test_what_is_broken_is_named(tmp_path, case):
    files = rulebooks.rulebook()
    break_it(files, case)
    with pytest.raises(StandardError) as caught:
        load(rulebooks.write(tmp_path, files))
    assert case["says"] in str(caught.value)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


YAML = [
    ("topic: doors\ntitle: {en: x, ja: y\ncontrols: []\n", ", line 3: expected valid YAML: "),
    ("topic: doors\ntopic: windows\n", ", line 2: expected valid YAML: every key once, found 'topic' again."),
    ("topic: [doors\n", ", line 2: expected valid YAML: "),
    ("- doors\n", ": expected a mapping of names at the top, found a list."),
    ("", ": expected a mapping of names at the top, found nothing."),
    (
        "topic: !!python/object:os.system {}\n",
        ", line 1: expected valid YAML: could not determine a constructor",
    ),
    ("topic: 2026-99-99\n", ": expected valid YAML: "),
    ("1: doors\n", ": expected a mapping of names at the top, found a mapping."),
]


@pytest.mark.parametrize(("text", "sentence"), YAML)
def test_bad_yaml_is_named_with_its_line(tmp_path, text, sentence):
    files = rulebooks.rulebook()
    files[CONTROLS] = text
    with pytest.raises(StandardError) as caught:
        load(rulebooks.write(tmp_path, files))
    assert f"doors.yml{sentence}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_not_utf8(tmp_path):
    root = rulebooks.write(tmp_path)
    (root / CONTROLS).write_bytes(b"topic: \xff\n")
    with pytest.raises(StandardError, match="expected UTF-8 text, found byte 7 that is not"):
        load(root)


def test_a_missing_file(tmp_path):
    root = rulebooks.write(tmp_path)
    (root / ABOUT).unlink()
    with pytest.raises(StandardError, match=r"standard\.yml: expected a YAML file here, found none\."):
        load(root)


def test_no_clauses_at_all(tmp_path):
    root = rulebooks.write(tmp_path)
    (root / CLAUSES).unlink()
    with pytest.raises(StandardError, match="clauses: expected one file per section, found none"):
        load(root)


def test_controls_load_without_the_clauses(tmp_path):
    root = rulebooks.write(tmp_path)
    (root / CLAUSES).write_text("broken: [", encoding="utf-8")
    assert "doors.locked" in Standard(rulebooks.standard_of(root)).controls


def test_topics_come_after_those_they_need(tmp_path):
    files = rulebooks.rulebook()
    for slug, after in (("attic", ["doors"]), ("cellar", [])):
        file = rulebooks.rulebook()[CONTROLS]
        file |= {"topic": slug, "after": after, "floors": []}
        file["controls"] = [{**file["controls"][1], "id": f"{slug}.oiled"}]
        files[f"standards/small/controls/{slug}.yml"] = file
    standard = Standard(rulebooks.standard_of(rulebooks.write(tmp_path, files)))
    assert in_order(standard) == ["cellar", "doors", "attic"]


def test_one_of_several_rulebooks_is_chosen_by_name(tmp_path, monkeypatch):
    root = rulebooks.write(tmp_path)
    (root / "standards/other").mkdir()
    (root / "standards/other/standard.yml").write_text("{}", encoding="utf-8")
    monkeypatch.delenv("KIJUN_STANDARD", raising=False)
    with pytest.raises(
        StandardError, match=r"expected exactly one rulebook, found other, small; set \$KIJUN_STANDARD"
    ):
        standard_root(root)
    monkeypatch.setenv("KIJUN_STANDARD", "small")
    assert standard_root(root).name == "small"
    monkeypatch.setenv("KIJUN_STANDARD", "none")
    with pytest.raises(StandardError, match="expected the rulebook 'none' that"):
        standard_root(root)


def test_all_contradictions_are_listed(tmp_path):
    files = rulebooks.rulebook()
    files[CONTROLS]["controls"][0]["clauses"] = ["S-9.9"]
    files[CONTROLS]["controls"][0]["parameters"] = ["doors_bells"]
    standard = Standard(rulebooks.standard_of(rulebooks.write(tmp_path, files)))
    assert len(list(problems(standard, load_parameters(tmp_path / "roles")))) == 2
