"""The derived files: what they say, and that a difference is found."""

import re
import subprocess
import sys

import pytest
import yaml

from kijun.errors import StandardError
from kijun.generating import differing, generate, leftovers, write
from kijun.generating.__main__ import main
from kijun.generating.sources import read_sources
from kijun.paths import data_root
from tests.unit import rulebooks

PROOFS = '''"""Proofs."""
import pytest


@pytest.mark.intrusive
@pytest.mark.proves("doors.locked", "doors.oiled")
def test_shut(host):
    """A stranger pushes the door
    and it stays shut.

    More of no interest.
    """


def test_no_word_of_it(host):
    pass


def helper():
    """Not a test."""
'''
SABOTAGE = """#!/bin/sh
# breaks: doors.locked
# caught-by: reading
# what: Take the lock off.
rm /lock
"""


@pytest.fixture
def tree(tmp_path):
    root = rulebooks.write(tmp_path)
    for path, text in (("tests/proofs/test_doors.py", PROOFS), ("tests/sabotage/doors/unlock.sh", SABOTAGE)):
        (root / path).parent.mkdir(parents=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def text_of(tree, path):
    return generate(tree)[tree / path]


def test_the_defaults_are_those_of_the_argument_specs(tree):
    text = text_of(tree, "roles/doors/defaults/main.yml")
    assert yaml.safe_load(text) == {
        "doors_locks": 3,
        "doors_gate_locks": 4,
        "doors_paint": False,
        "doors_keepers": ["ann", "bob"],
    }
    assert "# Locks of the gate. More.\ndoors_gate_locks: 4\n" in text
    assert "doors_keepers:\n  - ann\n  - bob\n" in text


def test_the_site_playbook_has_every_role_after_the_floors(tree):
    floors, roles = yaml.safe_load(text_of(tree, "playbooks/site.yml"))
    assert floors["tags"] == ["always"]
    assert floors["any_errors_fatal"] is True
    assert floors["gather_facts"] is False
    assert [list(task)[1] for task in floors["tasks"]] == ["kijun_floors"]
    (guarded,) = roles["tasks"]
    assert [(task["ansible.builtin.import_role"], task["tags"]) for task in guarded["block"]] == [
        ({"name": "doors"}, ["doors"])
    ]


def test_every_role_stands_between_the_guard_and_its_confirmation(tree):
    _, roles = yaml.safe_load(text_of(tree, "playbooks/site.yml"))
    (guard,) = roles["pre_tasks"]
    (confirmation,) = roles["tasks"][0]["always"]
    assert guard["ansible.builtin.import_role"] == {"name": "change_guard"}
    assert confirmation["ansible.builtin.import_role"] == {"name": "change_guard", "tasks_from": "confirm"}
    assert guard["tags"] == confirmation["tags"] == ["always"]  # no choice of topics leaves them out
    assert roles["vars"] == {"__change_guard_topics": ["doors"]}


def test_roles_of_which_nothing_is_put_back_come_after_the_confirmation():
    _, roles = yaml.safe_load((data_root() / "playbooks/site.yml").read_text("utf-8"))
    guarded = [task["tags"][0] for task in roles["tasks"][0]["block"]]
    assert {"account_lockout", "password_policy", "unused_ports"} <= set(guarded)
    assert [task["tags"][0] for task in roles["tasks"][1:]] == ["backup", "time_sync"]
    assert roles["vars"]["__change_guard_topics"] == guarded


def test_a_topic_without_a_role_is_not_in_the_site_playbook(tree):
    files = rulebooks.rulebook()
    other = files["standards/small/controls/doors.yml"]
    other |= {"topic": "attic", "floors": [], "controls": [{**other["controls"][1], "id": "attic.oiled"}]}
    about = files["standards/small/standard.yml"]
    about["topics"]["attic"] = {**about["topics"]["doors"], "covers": ["roofs"]}
    files["standards/small/vocabulary.yml"]["subjects"]["roofs"] = rulebooks.TEXT
    files["standards/small/controls/attic.yml"] = other
    files["standards/small/controls/doors.yml"] = rulebooks.rulebook()["standards/small/controls/doors.yml"]
    rulebooks.write(tree, files)
    assert "attic" not in text_of(tree, "playbooks/site.yml")


def test_the_topic_page_tells_whose_the_numbers_are(tree):
    page = text_of(tree, "docs/topics/doors.md")
    assert "| `doors_locks` | int | `3` | at least 2 (the standard: S-1.1) |" in page
    assert "more than `doors_locks` (kijun's practice, not the standard)" in page
    free = "The values of `doors_gate_locks`, `doors_paint`, `doors_keepers`: the standard gives no number"
    assert free in page
    assert "- `doors.oiled`: Doors are oiled" in page
    assert "rests on good practice; never reported as a breach of the standard" in page


def test_the_topic_page_shows_the_obligation_beside_the_paraphrase(tree):
    english, japanese = (text_of(tree, f"docs/topics/doors{end}") for end in (".md", ".ja.md"))
    assert "| must | Doors must have at least 2 locks. | `doors.locked` |" in english
    assert "| should | Doors should be painted. | not yet |" in english  # cited by a control of practice only
    assert "| 義務 | 扉に錠を2つ以上付ける。 | `doors.locked` |" in japanese
    assert "| 望ましい | 扉に色を塗る。 | 未対応 |" in japanese


def test_the_topic_page_shows_proofs_and_sabotage(tree):
    page = text_of(tree, "docs/topics/doors.md")
    assert (
        "| `test_shut` | `doors.locked`, `doors.oiled` | A stranger pushes the door and it stays shut. |"
        in page
    )
    assert "| `test_no_word_of_it` | – | No word of it. |" in page
    assert "helper" not in page
    assert "| `unlock` | Take the lock off. | `doors.locked` | reading |" in page


def test_coverage_counts_clauses_and_never_practice(tree):
    page = text_of(tree, "docs/coverage.md")
    assert re.search(r"\| S-1\.1 \| 1\(1\) \| enforce \| must \| .* \| `doors\.locked` \|", page)
    assert re.search(r"\| S-1\.2 \| 1\(2\) \| attest \| should \| .* \| not yet \|", page)
    assert re.search(r"\| S-1\.3 \| 1\(3\) \| none \| definition \| .* \| nothing to cover \|", page)
    assert "| total | 1 | 0 | 1 | 1 | 3 |" in page
    assert "| 計 | 1 | 0 | 1 | 1 | 3 |" in text_of(tree, "docs/coverage.ja.md")


@pytest.mark.parametrize("line", ["breaks", "caught-by", "what"])
def test_a_sabotage_script_without_its_header_is_named(tree, line):
    script = tree / "tests/sabotage/doors/unlock.sh"
    script.write_text(SABOTAGE.replace(f"# {line}:", f"# {line} "), encoding="utf-8")
    with pytest.raises(StandardError, match=rf"unlock\.sh: expected a header line '# {line}: …', found none"):
        read_sources(tree, "doors")


def test_a_sabotage_script_is_caught_by_reading_or_proof(tree):
    script = tree / "tests/sabotage/doors/unlock.sh"
    script.write_text(SABOTAGE.replace("reading", "luck"), encoding="utf-8")
    with pytest.raises(StandardError, match=r"caught-by: expected one of reading, proof, found 'luck'"):
        read_sources(tree, "doors")


def test_check_finds_what_differs_and_writes_nothing(tree, capsys):
    assert main([str(tree), "--check"]) == 1
    assert (
        "site.yml: differs from its source; run `make generate` and commit the result."
        in capsys.readouterr().out
    )
    assert not (tree / "docs").exists()
    assert main([str(tree)]) == 0
    assert main([str(tree), "--check"]) == 0
    defaults = tree / "roles/doors/defaults/main.yml"
    defaults.write_text(
        defaults.read_text("utf-8").replace("doors_locks: 3", "doors_locks: 2"), encoding="utf-8"
    )
    capsys.readouterr()
    assert main([str(tree), "--check"]) == 1
    assert capsys.readouterr().out.count("\n") == 1


def test_a_second_run_writes_nothing(tree):
    assert len(write(generate(tree))) == 6
    assert write(generate(tree)) == []
    assert differing(generate(tree)) == []


def test_what_nothing_derives_any_more_goes(tree, capsys):
    assert main([str(tree)]) == 0
    old = tree / "docs/topics/attic.md"
    old.write_text("old", encoding="utf-8")
    assert leftovers(tree, generate(tree)) == [old]
    assert main([str(tree), "--check"]) == 1
    assert "attic.md: is derived from nothing any more" in capsys.readouterr().out
    assert main([str(tree)]) == 0
    assert not old.exists()


def test_a_contradiction_ends_in_one_sentence(tree, capsys):
    files = rulebooks.rulebook()
    files["standards/small/controls/doors.yml"]["controls"][0]["clauses"] = ["S-9.9"]
    rulebooks.write(tree, files)
    assert main([str(tree), "--check"]) == 3
    said = capsys.readouterr().err
    assert said.startswith("kijun: ")
    assert "doors.yml: controls[0].clauses: expected a requirement of the rulebook, found S-9.9.\n" in said


def test_it_runs_as_a_module(tree):
    done = subprocess.run(
        [sys.executable, "-m", "kijun.generating", str(tree)], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("wrote ") == 6
