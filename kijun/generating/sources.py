"""What a topic's other rooms say of themselves: its reads, its proofs and its sabotage scripts."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from kijun.documents import shown
from kijun.errors import StandardError
from kijun.model import FileRead, Topic

_HEADER = re.compile(r"^# (breaks|caught-by|what): *(.+?) *$", re.MULTILINE)


@dataclass(frozen=True)
class Proof:
    """One test of `tests/proofs/`: its name, the controls it proves, and its first sentence."""

    name: str
    proves: tuple[str, ...]
    says: str


@dataclass(frozen=True)
class Sabotage:
    """One script of `tests/sabotage/<topic>/`: what its header says."""

    name: str
    breaks: str
    caught_by: str
    what: str


@dataclass(frozen=True)
class Sources:
    """The rooms of one topic beside its control file and its role."""

    reads: tuple[str, ...]
    proofs: tuple[Proof, ...]
    sabotage: tuple[Sabotage, ...]


def read_sources(root: Path, slug: str) -> Sources:
    """Return what the rooms of topic `slug` in the checkout `root` say; a room that is not there is empty."""
    proofs = root / "tests" / "proofs" / f"test_{slug}.py"
    scripts = sorted((root / "tests" / "sabotage" / slug).glob("*.sh"))
    return Sources(
        reads=_reads(root, slug),
        proofs=tuple(_proofs(proofs)) if proofs.is_file() else (),
        sabotage=tuple(_sabotage(path) for path in scripts),
    )


def _reads(root: Path, slug: str) -> tuple[str, ...]:
    path = root / "kijun" / "topics" / f"{slug}.py"
    package = root / "kijun" / "topics" / slug / "__init__.py"
    if not path.is_file() and not package.is_file():
        return ()
    topic = importlib.import_module(f"kijun.topics.{slug}").TOPIC
    if not isinstance(topic, Topic):
        raise StandardError(f"{shown(path)}: TOPIC: expected a kijun.model.Topic, found {topic!r}.")
    files = sorted(f"`{read.pattern}`" for read in topic.reads if isinstance(read, FileRead))
    commands = sorted(f"`{read.name}`" for read in topic.reads if not isinstance(read, FileRead))
    return (*files, *commands)


def _proofs(path: Path) -> list[Proof]:
    tree = ast.parse(path.read_text("utf-8"), filename=str(path))
    return [
        Proof(node.name, _proves(node), _first_sentence(node))
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def _proves(node: ast.FunctionDef) -> tuple[str, ...]:
    found: list[str] = []
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.proves":
            found += [str(arg.value) for arg in decorator.args if isinstance(arg, ast.Constant)]
    return tuple(found)


def _first_sentence(node: ast.FunctionDef) -> str:
    text = ast.get_docstring(node) or node.name.removeprefix("test_").replace("_", " ").capitalize() + "."
    return " ".join(text.split("\n\n")[0].split())


def _sabotage(path: Path) -> Sabotage:
    said = dict(_HEADER.findall(path.read_text("utf-8")))
    for key in ("breaks", "caught-by", "what"):
        if key not in said:
            raise StandardError(f"{shown(path)}: expected a header line '# {key}: …', found none.")
    if said["caught-by"] not in ("reading", "proof"):
        raise StandardError(
            f"{shown(path)}: caught-by: expected one of reading, proof, found '{said['caught-by']}'."
        )
    return Sabotage(path.stem, said["breaks"], said["caught-by"], said["what"])
