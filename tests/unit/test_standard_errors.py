"""A broken rulebook is refused with one sentence that names the file, the key and what was expected."""

import pytest

from kijun.documents import standard_root
from kijun.errors import StandardError
from kijun.parameters import load_parameters
from kijun.standard import Standard
from kijun.standard.validating import in_order, problems, validate
from tests.unit import rulebooks

CONTROLS = "standards/small/controls/doors.yml"
CLAUSES = "standards/small/clauses/S-1.yml"
ABOUT = "standards/small/standard.yml"
SPECS = "roles/doors/meta/argument_specs.yml"


def load(root):
    standard = Standard(rulebooks.standard_of(root))
    validate(standard, load_parameters(root / "roles"))
    return standard


def change(path, *keys, to):
    """Return a function that sets the value at `keys` of `path` (or removes it where `to` is None)."""

    def apply(files):
        place = files[path]
        for key in keys[:-1]:
            place = place[key]
        if to is None:
            del place[keys[-1]]
        else:
            place[keys[-1]] = to

    return apply


def test_the_rulebook_to_break_is_sound(tmp_path):
    standard = load(rulebooks.write(tmp_path))
    assert list(standard.controls) == ["doors.locked", "doors.oiled"]
    assert standard.clauses["S-1.1"].parameters[1].open
    assert standard.headings["S-1"].title.say("ja") == "何か"


ONE_FILE = [
    (change(CONTROLS, "controls", 0, "severity", to="hgih"), "doors.yml: controls[0].severity: expected one of 'high', 'medium' or 'low', found the text 'hgih'."),
    (change(CONTROLS, "controls", 0, "severty", to="high"), "doors.yml: controls[0].severty: expected no such key."),
    (change(CONTROLS, "controls", 1, "title", to=None), "doors.yml: controls[1].title: expected this key, found nothing."),
    (change(CONTROLS, "controls", 1, "title", "ja", to=""), "doors.yml: controls[1].title.ja: expected a text, found the text ''."),
    (change(CONTROLS, "controls", to=[]), "doors.yml: controls: expected at least 1 of them, found a list."),
    (change(CONTROLS, "controls", 0, to="locked"), "doors.yml: controls[0]: expected a mapping, found the text 'locked'."),
    (change(CONTROLS, "controls", 0, "clauses", to="S-1.1"), "doors.yml: controls[0].clauses: expected a list, found the text 'S-1.1'."),
    (change(CONTROLS, "controls", 0, "clauses", to=[]), "doors.yml: controls[0]: expected at least one clause where basis is clause."),
    (change(CONTROLS, "controls", 0, "id", to="windows.locked"), "doors.yml: expected every control's id to begin with 'doors.', found windows.locked."),
    (change(CONTROLS, "controls", 0, "id", to="Doors Locked"), "doors.yml: controls[0].id: expected a name that matches "),
    (change(CONTROLS, "controls", 1, "id", to="doors.locked"), "doors.yml: expected every control once, found doors.locked twice."),
    (change(CONTROLS, "controls", 1, "obligation", to="should"), "doors.yml: controls[1]: expected obligation none (or no such key) where basis is practice."),
    (change(CONTROLS, "floors", 0, "min", to="two"), "doors.yml: floors[0].min: expected a whole number, found the text 'two'."),
    (change(CONTROLS, "floors", 0, "min", to=None), "doors.yml: floors[0]: expected min, max or greater_than."),
    (change(CONTROLS, "floors", 0, "clause", to=None), "doors.yml: floors[0]: expected a clause where basis is clause, and none where it is practice."),
    (change(CONTROLS, "topic", to="windows"), "doors.yml: expected every control's id to begin with 'windows.', found doors.locked."),
    (change(CLAUSES, "clauses", 0, "obligation", to="shall"), "S-1.yml: clauses[0].obligation: expected one of "),
    (change(CLAUSES, "clauses", 0, "lines", to=[0]), "S-1.yml: clauses[0].lines[0]: expected a number of at least 1, found the number 0 (and 1 more)."),
    (change(CLAUSES, "clauses", 0, "id", to="10.2"), "S-1.yml: clauses[0].id: expected a name that matches "),
    (change(ABOUT, "in_force", to="soon"), "standard.yml: in_force: expected a date"),
    (change(ABOUT, "topics", "doors", "wave", to=True), "standard.yml: topics.doors.wave: expected a whole number, found true."),
]  # fmt: skip

BETWEEN_FILES = [
    (change(CONTROLS, "controls", 0, "clauses", to=["S-9.9"]), "doors.yml: controls[0].clauses: expected a requirement of the rulebook, found S-9.9."),
    (change(CONTROLS, "controls", 0, "obligation", to="should"), "doors.yml: controls[0].obligation: expected must as its clause says, found should."),
    (change(CONTROLS, "controls", 0, "parameters", to=["doors_bells"]), "doors.yml: controls[0].parameters: expected one of roles/doors/meta/argument_specs.yml, found 'doors_bells'."),
    (change(CONTROLS, "floors", 0, "parameter", to="doors_bells"), "doors.yml: floors[0].parameter: expected a parameter that is a number in its argument_specs.yml, found 'doors_bells'."),
    (change(CONTROLS, "floors", 0, "parameter", to="doors_paint"), "doors.yml: floors[0].parameter: expected a parameter that is a number in its argument_specs.yml, found 'doors_paint'."),
    (change(CONTROLS, "floors", 1, "greater_than", to="doors_bells"), "doors.yml: floors[1].greater_than: expected a parameter that is a number in its argument_specs.yml, found 'doors_bells'."),
    (change(CONTROLS, "floors", 0, "min", to=1), "doors.yml: floors[0].min: expected 2, as S-1.1 states, found 1."),
    (change(CONTROLS, "floors", 0, "clause", to="S-9.9"), "doors.yml: floors[0].clause: expected a requirement of the rulebook, found S-9.9."),
    (change(CONTROLS, "after", to=["windows"]), "doors.yml: after: expected a topic with a control file, found 'windows'."),
    (change(CONTROLS, "after", to=["doors"]), "controls: after: expected an order, but doors wait for each other."),
    (change(ABOUT, "name", to="large"), "standard.yml: name: expected 'small', the folder's, found 'large'."),
    (change(ABOUT, "topics", "doors", "covers", to=["bells"]), "standard.yml: topics: expected 'locks' in exactly one topic, found it in 0 (and 1 more)."),
    (change(CLAUSES, "clauses", 0, "subjects", to=["bells"]), "S-1.yml: clauses[0].subjects: expected a word of vocabulary.yml, found 'bells'."),
    (change(CLAUSES, "clauses", 0, "who", to=["nobody"]), "S-1.yml: clauses[0].who: expected a word of vocabulary.yml, found 'nobody'."),
    (change(CLAUSES, "clauses", 1, "id", to="S-1.1"), "clauses: expected every id once, found S-1.1 2 times (and 2 more)."),
    (change(CLAUSES, "clauses", 1, "id", to="S-2.1"), "S-1.yml: clauses[1].id: expected an id of section S-1, found S-2.1 (and 1 more)."),
    (change(CLAUSES, "clauses", 0, "lines", to=[9]), "S-1.yml: clauses[1].lines: expected the order of the source, found [5]."),
]  # fmt: skip

PARAMETERS = [
    (change(SPECS, "argument_specs", "main", "options", "doors_locks", "type", to="integer"), "argument_specs.main.options.doors_locks.type: expected one of str, int, bool, list, dict, float, path, raw, found the text 'integer'."),
    (change(SPECS, "argument_specs", "main", "options", "doors_locks", "default", to=None), "argument_specs.main.options.doors_locks: expected a default (or required: true), found a mapping."),
    (change(SPECS, "argument_specs", "main", "options", "doors_locks", "defualt", to=3), "argument_specs.main.options.doors_locks: expected only the keys type, default, description, choices, elements, required, options, found the text 'defualt'."),
    (change(SPECS, "argument_specs", "main", "options", "doors_locks", "description", to=None), "argument_specs.main.options.doors_locks.description: expected a sentence or a list of sentences, found nothing."),
    (change(SPECS, "argument_specs", "main", "options", "locks", to={"type": "int"}), "argument_specs.main.options.locks: expected a name that begins with 'doors_', found the text 'locks'."),
    (change(SPECS, "argument_specs", "main", to=[]), "main: expected a mapping below argument_specs.main.options, found a list."),
    (change(SPECS, "argument_specs", "main", "options", "doors_keepers", "elements", to="name"), "argument_specs.main.options.doors_keepers.elements: expected one of str, int, bool, list, dict, float, path, raw, found the text 'name'."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("breakage", "sentence"), ONE_FILE + BETWEEN_FILES + PARAMETERS, ids=lambda x: str(x)[:90]
)
def test_what_is_broken_is_named(tmp_path, breakage, sentence):
    files = rulebooks.rulebook()
    breakage(files)
    with pytest.raises(StandardError) as caught:
        load(rulebooks.write(tmp_path, files))
    assert sentence in str(caught.value)
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
    for breakage, _ in BETWEEN_FILES[:3]:
        breakage(files)
    standard = Standard(rulebooks.standard_of(rulebooks.write(tmp_path, files)))
    assert len(list(problems(standard, load_parameters(tmp_path / "roles")))) == 2
