"""Where kijun's data lives: beside the package in a checkout, inside it when installed."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data_root() -> Path:
    """Return the folder that holds `playbooks/`, `roles/`, `standards/` … (checkout or installed wheel)."""
    installed = _PACKAGE / "_data"
    return installed if installed.is_dir() else _PACKAGE.parent


def state_dir() -> Path:
    """Return the folder for what kijun remembers between runs (proof results, targets); not yet created.

    `$KIJUN_STATE_DIR` wins, then `$XDG_STATE_HOME/kijun`, then `~/.local/state/kijun`
    (XDG Base Directory Specification 0.8).
    """
    if own := os.environ.get("KIJUN_STATE_DIR"):
        return Path(own)
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "kijun"


def cache_dir() -> Path:
    """Return the folder for what can be made again (target images); not yet created.

    `$KIJUN_CACHE_DIR` wins, then `$XDG_CACHE_HOME/kijun`, then `~/.cache/kijun`.
    """
    if own := os.environ.get("KIJUN_CACHE_DIR"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "kijun"
