"""Reports of a check: one module per format, and where they are written."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from kijun.errors import KijunError

if TYPE_CHECKING:
    from kijun.checking import Report

FORMATS = ("text", "json", "junit", "html")
LANGUAGES = ("en", "ja")


def render(report: Report, form: str, lang: str, *, colour: bool = False) -> str:
    """Return `report` as text in `form` (one of FORMATS), ending in a newline; colour is for text only."""
    if form == "text":
        from kijun.reporting import text  # noqa: PLC0415 - only the format that is wanted

        return text.render(report, lang, colour=colour)
    if form == "html":
        from kijun.reporting import html  # noqa: PLC0415

        return html.render(report, lang)
    rendered: str = import_module(f"kijun.reporting.{form}").render(report)
    return rendered


def language(environment: Mapping[str, str]) -> str:
    """Return the language that the locale asks for, "ja" or "en" (POSIX: LC_ALL, LC_MESSAGES, LANG)."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(name):
            return "ja" if value.lower().startswith("ja") else "en"
    return "en"


def ensure_writable(path: Path) -> None:
    """Raise KijunError where `write` could not work; asked before a run, so that no run is lost."""
    if path.is_dir():
        raise KijunError(f"--output {path} is a folder; name a file.")
    if not path.parent.is_dir():
        raise KijunError(f"--output {path}: there is no folder {path.parent}; make it first.")
    if not os.access(path if _special(path) else path.parent, os.W_OK):
        raise KijunError(f"--output {path} cannot be written; choose another place.")


def write(path: Path, text: str) -> None:
    """Put `text` at `path` as a whole or not at all (rename(2)); KijunError where it cannot be written."""
    temporary = None
    try:
        if _special(path):  # a pipe or /dev/stdout: there is nothing to replace
            path.write_text(text, encoding="utf-8")
            return
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except OSError as bad:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise KijunError(f"--output {path} cannot be written: {bad.strerror}.") from bad


def _special(path: Path) -> bool:
    return path.exists() and not stat.S_ISREG(path.stat().st_mode)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
