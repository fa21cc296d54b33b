"""Reading hosts for one question of its own: what `kijun ports` and `kijun mail-leaks` show, not judge."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kijun.checking import Options
from kijun.inventory import Host, load_inventory
from kijun.model import HostState, Outcome, Read, Topic
from kijun.reading.client import Reader


def survey[T](
    options: Options,
    name: str,
    reads: Iterable[Read],
    of_host: Callable[[Host, HostState], T],
    without: Callable[[str, Outcome, str], T],
) -> list[T]:
    """Return, in the inventory's order, `of_host` of each host that was read and `without` of any other.

    `without` gets the host's name, how reading ended, and why. Raises KijunError where nothing can be read at
    all.
    """
    topic = Topic(name, tuple(reads), lambda _state, _params: ())
    with Reader() as reader:
        hosts = load_inventory(
            options.sources, limit=options.limit, vault_password_files=options.vault_password_files
        )
        known = {host.name: host for host in hosts}
        found = {
            host.name: without(host.name, Outcome.MALFORMED, host.problem) for host in hosts if host.problem
        }
        connections = [host.connection for host in hosts if not host.problem]
        for read in reader.read(connections, [topic], forks=options.forks, timeout=options.timeout):
            if read.state is None:
                found[read.name] = without(read.name, read.outcome, read.reason)
            else:
                found[read.name] = of_host(known[read.name], read.state)
    return [found[host.name] for host in hosts]
