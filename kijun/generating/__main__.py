"""`python -m kijun.generating [--check] [ROOT]`: write the derived files, or say which differ."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from kijun.documents import shown
from kijun.errors import StandardError
from kijun.generating import differing, generate, leftovers, write
from kijun.paths import data_root


def main(arguments: list[str] | None = None) -> int:
    """Return 0 where all is as it should be, 1 where `--check` found a difference, 3 for a bad rulebook."""
    parser = argparse.ArgumentParser(prog="python -m kijun.generating", description=__doc__)
    parser.add_argument("root", nargs="?", type=Path, default=data_root(), help="the checkout")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file differs")
    options = parser.parse_args(arguments)
    root: Path = options.root.resolve()
    try:
        files = generate(root)
    except StandardError as bad:
        print(f"kijun: {bad}", file=sys.stderr)
        return bad.exit_code
    stale = leftovers(root, files)
    if options.check:
        for path in differing(files):
            print(f"{shown(path)}: differs from its source; run `make generate` and commit the result.")
        for path in stale:
            print(
                f"{shown(path)}: is derived from nothing any more; run `make generate` and commit the result."
            )
        return 1 if stale or differing(files) else 0
    for path in write(files):
        print(f"wrote {shown(path)}")
    for path in stale:
        path.unlink()
        print(f"removed {shown(path)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
