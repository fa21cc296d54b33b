"""A small, valid rulebook with one topic and its role, for tests to break."""

import copy
from pathlib import Path

import yaml

TEXT = {"en": "Something", "ja": "何か"}
RULEBOOK = {
    "standards/small/standard.yml": {
        "name": "small",
        "title": TEXT,
        "source": TEXT,
        "in_force": "2026-04-01",
        "topics": {"doors": {"title": TEXT, "wave": 1, "covers": ["locks"]}},
    },
    "standards/small/vocabulary.yml": {
        "subjects": {"locks": TEXT},
        "workflows": {"key_register": TEXT},
        "actors": {"keeper": TEXT},
    },
    "standards/small/clauses/S-1.yml": {
        "section": "S-1",
        "title": TEXT,
        "headings": [{"id": "S-1", "label": "1", "title": TEXT, "line": 1}],
        "clauses": [
            {
                "id": "S-1.1",
                "label": "1(1)",
                "unit": "item",
                "title": TEXT,
                "paraphrase": {"en": "Doors must have at least 2 locks.", "ja": "扉に錠を2つ以上付ける。"},
                "who": ["keeper"],
                "obligation": "must",
                "automation": "enforce",
                "subjects": ["locks"],
                "parameters": [{"name": "locks", "value": 2}, {"name": "keys"}],
                "lines": [3],
            },
            {
                "id": "S-1.2",
                "label": "1(2)",
                "unit": "item",
                "title": TEXT,
                "paraphrase": {"en": "Doors should be painted.", "ja": "扉に色を塗る。"},
                "who": ["keeper"],
                "obligation": "should",
                "automation": "attest",
                "lines": [5],
            },
            {
                "id": "S-1.3",
                "label": "1(3)",
                "unit": "definition",
                "title": TEXT,
                "paraphrase": {"en": "A door is an opening.", "ja": "扉とは開口部をいう。"},
                "who": ["keeper"],
                "obligation": "none",
                "automation": "none",
                "lines": [7],
            },
        ],
    },
    "standards/small/controls/doors.yml": {
        "topic": "doors",
        "title": {"en": "Doors", "ja": "扉"},
        "floors": [
            {"parameter": "doors_locks", "min": 2, "basis": "clause", "clause": "S-1.1", "why": TEXT},
            {
                "parameter": "doors_gate_locks",
                "greater_than": "doors_locks",
                "basis": "practice",
                "why": TEXT,
            },
        ],
        "controls": [
            {
                "id": "doors.locked",
                "clauses": ["S-1.1"],
                "basis": "clause",
                "obligation": "must",
                "severity": "high",
                "title": {"en": "Doors are locked", "ja": "扉に錠がある"},
                "why": {"en": "Else anybody walks in.", "ja": "誰でも入れてしまう。"},
                "parameters": ["doors_locks"],
                "proof": "test_doors.py::test_shut",
            },
            {
                "id": "doors.oiled",
                "clauses": ["S-1.2"],
                "basis": "practice",
                "severity": "low",
                "title": {"en": "Doors are oiled", "ja": "扉に油が差してある"},
                "why": {"en": "They squeak.", "ja": "きしむ。"},
            },
        ],
    },
    "roles/doors/meta/argument_specs.yml": {
        "argument_specs": {
            "main": {
                "short_description": "Lock the doors",
                "options": {
                    "doors_locks": {"type": "int", "default": 3, "description": "How many locks a door has."},
                    "doors_gate_locks": {
                        "type": "int",
                        "default": 4,
                        "description": ["Locks of the gate.", "More."],
                    },
                    "doors_paint": {
                        "type": "bool",
                        "default": False,
                        "description": "Whether to paint them.",
                    },
                    "doors_keepers": {
                        "type": "list",
                        "elements": "str",
                        "default": ["ann", "bob"],
                        "description": "Who holds a key.",
                    },
                },
            }
        }
    },
}


def rulebook() -> dict:
    """Return a copy to break."""
    return copy.deepcopy(RULEBOOK)


def write(root: Path, files: dict | None = None) -> Path:
    """Write the rulebook below `root`; a value that is a text is written as it is."""
    for name, content in (files or RULEBOOK).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (
            content
            if isinstance(content, str)
            else yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
        )
        path.write_text(text, encoding="utf-8")
    return root


def standard_of(root: Path) -> Path:
    """Return the folder of the rulebook itself."""
    return root / "standards" / "small"
