"""Files that are derived from the rulebook and the roles' argument specifications.

`make generate` writes them; `make lint` fails where one differs from what would be written.
"""

from __future__ import annotations

from pathlib import Path

from kijun.documents import standard_root
from kijun.generating.coverage import coverage_page
from kijun.generating.defaults import defaults_file
from kijun.generating.playbook import site_playbook
from kijun.generating.sources import read_sources
from kijun.generating.topics import topic_page
from kijun.parameters import load_parameters
from kijun.standard import load_standard
from kijun.standard.validating import validate

LANGUAGES = {"en": ".md", "ja": ".ja.md"}


def generate(root: Path) -> dict[Path, str]:
    """Return what every derived file of the checkout `root` should hold, by path.

    StandardError where the rulebook contradicts itself or the roles.
    """
    standard = load_standard(standard_root(root))
    parameters = load_parameters(root / "roles")
    validate(standard, parameters)
    files = {root / "playbooks" / "site.yml": site_playbook(standard, root)}
    for topic in sorted({parameter.topic for parameter in parameters.values()}):
        own = [parameter for parameter in parameters.values() if parameter.topic == topic]
        files[root / "roles" / topic / "defaults" / "main.yml"] = defaults_file(topic, own)
    for lang, suffix in LANGUAGES.items():
        files[root / "docs" / f"coverage{suffix}"] = coverage_page(standard, lang)
        for slug in standard.topics:
            page = topic_page(standard, slug, parameters, read_sources(root, slug), lang)
            files[root / "docs" / "topics" / f"{slug}{suffix}"] = page
    return files


def leftovers(root: Path, files: dict[Path, str]) -> list[Path]:
    """Return the files that an earlier run wrote and that nothing derives any more (a removed topic's)."""
    places = [*(root / "docs" / "topics").glob("*.md"), *(root / "roles").glob("*/defaults/main.yml")]
    return sorted(path for path in places if path not in files)


def differing(files: dict[Path, str]) -> list[Path]:
    """Return the files whose content on disk is not what it should be."""
    return [path for path, text in files.items() if not path.is_file() or path.read_text("utf-8") != text]


def write(files: dict[Path, str]) -> list[Path]:
    """Write those that differ and return them."""
    changed = differing(files)
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path], encoding="utf-8")
    return changed
