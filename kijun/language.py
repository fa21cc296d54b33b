"""Which of kijun's two languages to show titles and paraphrases in."""

from __future__ import annotations

import os
from collections.abc import Mapping

from kijun.errors import KijunError

LANGUAGES = ("en", "ja")


def language(wanted: str | None = None, environment: Mapping[str, str] = os.environ) -> str:
    """Return `wanted`, or where it is None the locale's language: "ja" or "en".

    The first of LC_ALL, LC_MESSAGES and LANG that is set decides (POSIX.1-2017, section 8.2).
    KijunError where `wanted` is another language.
    """
    if wanted is not None:
        if wanted not in LANGUAGES:
            raise KijunError(f"--lang: expected one of {', '.join(LANGUAGES)}, found '{wanted}'.")
        return wanted
    locale = next((environment[k] for k in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(k)), "")
    return "ja" if locale.split("_")[0].split(".")[0] == "ja" else "en"
