"""`python3 -I -B /var/lib/kijun/guard/program VERB`: JSON on standard input, JSON on standard output."""

from __future__ import annotations

import json
import sys

from kijun_guard import showing, switch
from kijun_guard.entries import GuardError


def main(verb: str) -> int:
    """Return 0 where it was done, 1 with {"refused": sentence} where it was not."""
    try:
        with switch.alone():
            if verb == "expire":
                switch.expire()
                return 0
            order = json.load(sys.stdin)
            verbs = {
                "arm": switch.arm,
                "confirm": switch.confirm,
                "restore": showing.restore,
                "show": showing.show,
            }
            answer = verbs[verb](order)
    except (GuardError, OSError) as problem:
        answer = {"refused": f"{problem}"}
    json.dump(answer, sys.stdout)
    return 1 if "refused" in answer else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
