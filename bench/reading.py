"""Reading alone, without start-up and inventory: `python -m bench.reading INVENTORY`; prints JSON."""

from __future__ import annotations

import json
import resource
import sys
import time

from kijun.inventory import load_inventory
from kijun.reading.client import Reader
from kijun.topics import all_topics

_WARM_UP = 2.0  # seconds for the reading process to import its libraries


def main() -> None:
    """Read all hosts once and print how long that took."""
    with Reader() as reader:
        hosts = load_inventory([sys.argv[1]])
        time.sleep(_WARM_UP)
        begun = time.monotonic()
        reads = list(reader.read([host.connection for host in hosts], all_topics().values()))
        wall = time.monotonic() - begun
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    outcomes = sorted({f"{read.outcome} {read.reason}".strip() for read in reads})
    print(
        json.dumps(
            {
                "wall": wall,
                "outcomes": outcomes,
                "collected": sum(read.state is not None for read in reads),
                "cpu": usage.ru_utime + usage.ru_stime,
                "peak_mb": usage.ru_maxrss / 1024,
            }
        )
    )


main()
