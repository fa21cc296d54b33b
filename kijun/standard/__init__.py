"""The rulebook: load it, and refuse it with one precise sentence where a file is not what its model expects.

`kijun check` needs the controls of the topics only; clauses are read when they are first asked for.
What one file cannot know of another (does the clause exist?) is in `kijun.standard.validating`.
"""

from __future__ import annotations

from functools import cache, cached_property
from pathlib import Path

from pydantic import ValidationError

from kijun.documents import read_mapping, shown, standard_root
from kijun.errors import StandardError
from kijun.standard.explaining import explain
from kijun.standard.models import (
    Clause,
    ClauseFile,
    Control,
    ControlFile,
    Heading,
    Model,
    StandardFile,
    Vocabulary,
)
from kijun.standard.procedures import Procedures

__all__ = ["Clause", "Control", "ControlFile", "Heading", "Standard", "load_standard"]


class Standard:
    """A rulebook in the folder `root`. Each kind of file is read and checked when first asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def about(self) -> StandardFile:
        """What `standard.yml` says."""
        return _load(self.root / "standard.yml", StandardFile)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words that the clauses use: subjects, workflows and actors."""
        return _load(self.root / "vocabulary.yml", Vocabulary)

    @cached_property
    def procedures(self) -> Procedures:
        """Who acts in the procedures that kijun keeps: exceptions, permitted forwardings, changes."""
        return _load(self.root / "procedures.yml", Procedures)

    @cached_property
    def topics(self) -> dict[str, ControlFile]:
        """The control file of every topic that has one, by slug, in alphabetical order."""
        found = {}
        for path in sorted((self.root / "controls").glob("*.yml")):
            found[path.stem] = _load(path, ControlFile)
            if found[path.stem].topic != path.stem:
                raise StandardError(
                    f"{shown(path)}: topic: expected '{path.stem}', the file's name, "
                    f"found '{found[path.stem].topic}'."
                )
        return found

    @cached_property
    def controls(self) -> dict[str, Control]:
        """Every control by id, in the order of the files."""
        return {control.id: control for file in self.topics.values() for control in file.controls}

    @cached_property
    def sections(self) -> dict[str, ClauseFile]:
        """Every section of the rulebook by its id, in the order of the source."""
        paths = (self.root / "clauses").glob("*.yml")
        files = [_load(path, ClauseFile) for path in paths]
        if not files:
            raise StandardError(f"{shown(self.root / 'clauses')}: expected one file per section, found none.")
        return {file.section: file for file in sorted(files, key=lambda f: f.clauses[0].lines[0])}

    @cached_property
    def clauses(self) -> dict[str, Clause]:
        """Every requirement by id, in the order of the source."""
        return {clause.id: clause for file in self.sections.values() for clause in file.clauses}

    @cached_property
    def headings(self) -> dict[str, Heading]:
        """Every heading by id, in the order of the source."""
        return {heading.id: heading for file in self.sections.values() for heading in file.headings}


@cache
def load_standard(root: Path | None = None) -> Standard:
    """Return the rulebook in the folder `root`, or the one in use; StandardError where there is none."""
    return Standard(root or standard_root())


def _load[M: Model](path: Path, model: type[M]) -> M:
    try:
        return model.model_validate(read_mapping(path))
    except ValidationError as bad:
        raise StandardError(explain(path, bad)) from None
