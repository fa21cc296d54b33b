"""The reading process, `python -m kijun.reading`: a job on stdin, answers on stdout; started by kijun only.

gevent replaces sockets, threads and clocks in here and nowhere else; it has to come before every other
import.
"""

# ruff: noqa: E402, I001
from gevent import monkey

monkey.patch_all()

import os
import sys

from kijun.reading.protocol import read_job
from kijun.reading.fanout import prepare, run


def main() -> None:
    """Read the job, read the hosts; what libraries print goes to stderr, answers alone to stdout."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    prepare()
    job = read_job(sys.stdin.buffer)
    if job is not None:
        run(job, answers)
    answers.close()


main()
