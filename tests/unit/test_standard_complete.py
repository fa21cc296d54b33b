"""The rulebook is complete: held against an index of the source text that was made without it.

`data/source_structure.yml` says of every line of the text what kind of line it is and how many sentences
begin on it. Its head says how it was derived.
"""

from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from kijun.parameters import load_parameters
from kijun.standard import load_standard
from kijun.standard.models import Automation, Obligation
from kijun.standard.validating import problems

FRAME = {"front", "chapter", "supplement"}
HEADINGS = {"caption", "section", "numbered", "circled", "bracketed", "heading"}
DATA = Path(__file__).parent / "data" / "source_structure.yml"


@pytest.fixture(scope="module")
def index():
    return {
        line: (kind, sentences) for line, kind, sentences in yaml.safe_load(DATA.read_text("utf-8"))["lines"]
    }


@pytest.fixture(scope="module")
def standard():
    return load_standard()


@pytest.fixture(scope="module")
def entries_by_line(standard):
    found = defaultdict(list)
    for clause in standard.clauses.values():
        for line in clause.lines:
            found[line].append(clause.id)
    return found


def text_lines(index):
    return [line for line, (kind, _) in index.items() if kind not in FRAME | HEADINGS]


def missing_lines(index, entries_by_line):
    return [line for line in text_lines(index) if not entries_by_line.get(line)]


def short_lines(index, entries_by_line):
    """Lines with fewer entries than sentences; the sentences of a continuation count for its first line."""
    sentences, first = defaultdict(int), None
    entries = defaultdict(set)
    for line in text_lines(index):
        kind, count = index[line]
        first = first if kind == "continuation" else line
        sentences[first] += count
        entries[first] |= set(entries_by_line.get(line, ()))
    return [line for line in sentences if len(entries[line]) < sentences[line]]


def test_the_index_is_of_the_whole_text(index):
    lines = list(index)
    assert lines == sorted(set(lines))
    assert (lines[0], lines[-1]) == (3, 1493)
    assert all(later - earlier <= 2 for earlier, later in pairwise(lines))  # no line of text was skipped
    assert len(text_lines(index)) == 538


def test_every_line_of_text_has_its_entry(index, entries_by_line):
    assert missing_lines(index, entries_by_line) == []


def test_every_sentence_has_its_entry(index, entries_by_line):
    assert short_lines(index, entries_by_line) == []


def test_a_lost_entry_would_be_noticed(index, entries_by_line):
    lost = {**entries_by_line, 680: []}
    assert missing_lines(index, lost) == [680]
    halved = {**entries_by_line, 903: ["S-10.2.7.a"]}
    assert short_lines(index, halved) == [903]


def test_every_heading_has_its_entry(index, standard):
    wanted = {line for line, (kind, _) in index.items() if kind in HEADINGS}
    wanted -= {149, 155}  # (施行期日) of the two supplementary provisions
    cited = {line for clause in standard.clauses.values() for line in clause.lines}  # 7② cites its ア, イ, ウ
    assert wanted - cited == {heading.line for heading in standard.headings.values()}


def test_no_entry_cites_a_line_that_is_not_there(index, standard):
    cited = {line for clause in standard.clauses.values() for line in clause.lines}
    assert sorted(cited - set(index)) == []


def test_a_split_sentence_is_cited_whole(index, entries_by_line):
    for line, before in zip(text_lines(index)[1:], text_lines(index), strict=False):
        if index[line][0] == "continuation":
            assert set(entries_by_line[before]) & set(entries_by_line[line]), line


def test_the_counts_are_those_of_the_catalog(standard):
    clauses = standard.clauses.values()
    assert len(clauses) == 568
    assert [sum(c.automation is kind for c in clauses) for kind in Automation] == [80, 50, 305, 83, 50]
    assert [sum(c.obligation is kind for c in clauses) for kind in Obligation] == [456, 32, 5, 14, 19, 42]


def test_entries_stand_in_the_order_of_the_text(standard):
    for file in standard.sections.values():
        own = [clause.lines[-1] for clause in file.clauses]
        assert all(later >= earlier for earlier, later in pairwise(own) if earlier not in range(411, 416))


def test_the_files_agree_with_each_other(standard):
    assert list(problems(standard, load_parameters())) == []


def test_only_what_the_text_fixes_has_a_number(standard):
    every = [(clause.id, p.value) for clause in standard.clauses.values() for p in clause.parameters]
    numbers = {(clause, value) for clause, value in every if isinstance(value, int)}
    assert numbers == {
        ("S-9.2.2.b", 1),
        ("S-9.4.2.3", 8),
        ("S-10.1.2.c", 2),
        ("S-10.3.4.d-2", 1),
        ("S-13.2.1.a-1", 1),
        ("S-13.3.1.a", 1),
    }
