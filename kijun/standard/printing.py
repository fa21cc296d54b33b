"""Print a listing: a table on a terminal, one tab-separated line per row in a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from kijun.standard.listing import Data, Listing


def print_listing(listing: Listing) -> None:
    """Print for people, or line by line (no wrapping, no cutting, no colour) where stdout is no terminal."""
    if not sys.stdout.isatty():
        for row in listing.rows:
            print("\t".join(row))
        if listing.sums:
            print()
            for row in listing.sums:
                print("\t".join(row))
        return
    _print_table(listing.head, listing.rows)
    if listing.sums:
        _print_table(listing.sums[0], listing.sums[1:])


def _print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box  # noqa: PLC0415 - only a terminal pays for it
    from rich.cells import cell_len  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(head):
        numbers = bool(rows) and all(row[index].isdigit() for row in rows)
        widest = max((cell_len(row[index]) for row in rows), default=0)
        # "fold": a Japanese sentence has no spaces to wrap at, and nothing of it may be cut off.
        table.add_column(name, justify="right" if numbers else "left", no_wrap=widest <= 24, overflow="fold")
    for row in rows:
        table.add_row(*(Text(value) for value in row))
    Console().print(table)


def print_data(data: Data) -> None:
    """Print for machines."""
    print(json.dumps(data, ensure_ascii=False, indent=2))
