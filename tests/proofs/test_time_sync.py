"""Time, shown by asking for it: what the servers say, what the host says, and how it mends a wrong clock.

The host's own daemon is not believed: the servers are asked by a client of our own.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from testinfra.host import Host

from kijun.model import Outcome, Status
from kijun.parsers.networks import network, within
from kijun.proving.clocks import ask, ask_from
from kijun.proving.hosts import ProofHost
from kijun.proving.scanning import tcp_answers
from kijun.reading.client import Reader
from kijun.topics._time_view import View, view
from kijun.topics.time_sync import TOPIC

WRONG_BY = 0.4  # seconds; forward, so that coming back is slow and no program sees time go backwards at once
COMES_BACK = 180  # seconds, in which the daemon has to notice and to correct it


@pytest.fixture(scope="module")
def read(proof: ProofHost) -> Callable[[], tuple[View, dict[str, Status]]]:
    """Read and judge the host as `kijun check` does."""

    def one() -> tuple[View, dict[str, Status]]:
        with Reader() as reader:
            answer = next(iter(reader.read([proof.connection], [TOPIC], timeout=120)))
        assert answer.outcome is Outcome.COLLECTED, answer.reason
        assert answer.state is not None
        judged = TOPIC.judge(answer.state, proof.params)
        return view(answer.state), {verdict.control: verdict.status for verdict in judged}

    return one


@pytest.fixture(scope="module", autouse=True)
def seen(read: Callable[[], tuple[View, dict[str, Status]]]) -> View:
    """Run nothing on a container whose clock is its machine's."""
    found, _ = read()
    if not found.has_subject:
        pytest.skip("the clock is that of the machine that this container runs on")
    return found


@pytest.fixture(scope="module")
def servers(params: dict[str, object], seen: View) -> list[str]:
    """The declared time servers."""
    declared = params["time_sync_servers"]
    assert isinstance(declared, list)
    if not declared:
        pytest.skip("a master has no source to be compared with")
    return declared


def _apart(host: Host, servers: list[str]) -> float:
    """Return how far the host's clock is from the servers' at least, in seconds, by the nearest answer."""
    answers = [answer for answer in (ask_from(host, server) for server in servers) if answer]
    assert answers, f"none of {', '.join(servers)} answers the host"
    best = min(answers, key=lambda answer: answer.error)
    return abs(best.ahead) - best.error


@pytest.mark.proves("time_sync.accuracy", "time_sync.reachable")
def test_the_clock_agrees_with_the_sources(host: Host, params: dict[str, object], servers: list[str]) -> None:
    """Every declared server answers the host, and the host's clock agrees with it."""
    limit = params["time_sync_max_offset_ms"]
    assert isinstance(limit, int)
    for server in servers:
        answer = ask_from(host, server)
        assert answer, f"{server} does not answer the host"
        apart = abs(answer.ahead) - answer.error
        assert apart * 1000 <= limit, f"the clock is at least {apart:.3f} s from {server}'s"


@pytest.fixture(scope="module")
def addresses(host: Host, seen: View) -> list[str]:
    """The host's own addresses at which this machine reaches it, shown by a port of its that is open here.

    The address of the inventory will not do: it may be another machine's, which passes SSH on to the host.
    """
    own = [
        str(entry["local"])
        for link in json.loads(host.check_output("ip -j addr show up"))
        for entry in link.get("addr_info", [])
        if entry["scope"] == "global"
    ]
    ports = {int(line.split()[3].rpartition(":")[2]) for line in host.check_output("ss -Hltn").splitlines()}
    found = [address for address in own if "open" in tcp_answers(address, ports).values()]
    assert found, "none of the host's own addresses can be reached from here"
    return found


@pytest.mark.proves("time_sync.serving")
def test_strangers_are_not_answered(addresses: list[str], params: dict[str, object]) -> None:
    """Asked for the time from here, the host does not answer, or only if this network is declared."""
    allowed = params["time_sync_serve_networks"]
    assert isinstance(allowed, list)
    for address in addresses:
        family, _, _, _, place = socket.getaddrinfo(address, 123, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect(place)
            own = network(str(asking.getsockname()[0]))
        assert own is not None
        answer = ask(address)
        if within(own, [found for found in map(network, allowed) if found]):
            assert answer, f"the host serves {own} and does not answer"
        else:
            assert answer is None, f"the host gives the time to {own}, which is not declared"


@pytest.fixture
def own_clock(seen: View, servers: list[str]) -> None:
    """The clock has to be the host's own to be put wrong."""
    if not seen.own_clock:
        pytest.skip("a container cannot set the clock, neither wrong nor right")


def _turn(host: Host, seconds: float) -> None:
    program = (
        "import time; time.clock_settime(time.CLOCK_REALTIME, time.time() + float(__import__('sys').argv[1]))"
    )
    host.check_output("/usr/bin/python3 -c %s %s", program, repr(seconds))


def _poll(host: Host, seen: View) -> None:
    """Have the daemon ask its sources now and not at its next turn, some minutes from now."""
    unit = seen.running[0].name
    if unit == "chrony.service":
        host.check_output("chronyc burst 4/8")
    else:
        host.check_output("systemctl restart %s", unit)


@pytest.mark.intrusive
@pytest.mark.alone
@pytest.mark.proves("time_sync.accuracy", "time_sync.one_daemon")
def test_a_clock_set_wrong_comes_back(host: Host, seen: View, servers: list[str], own_clock: None) -> None:
    """The clock, put forward by a bit less than half a second, is right again within minutes."""
    before = _apart(host, servers)
    assert before < WRONG_BY / 4, "the clock is not right to begin with"
    _turn(host, WRONG_BY)
    apart = WRONG_BY
    try:
        wrong = _apart(host, servers)
        assert wrong > WRONG_BY / 4, "the clock could not be put wrong"
        _poll(host, seen)
        end = time.monotonic() + COMES_BACK
        while apart > WRONG_BY / 8 and time.monotonic() < end:
            time.sleep(5)
            apart = _apart(host, servers)
        assert apart <= WRONG_BY / 8, f"after {COMES_BACK} s the clock is still {apart:.3f} s off"
    finally:
        if apart > WRONG_BY / 2:
            _turn(host, -WRONG_BY)


@pytest.fixture
def dead_sources(host: Host, seen: View, servers: list[str]) -> Iterator[None]:
    """No question of the host to its time servers gets through; anything else does."""
    if [unit.name for unit in seen.running] != ["chrony.service"]:
        pytest.skip("only chrony is made to ask its sources at once")
    known = [line.split()[0] for line in host.check_output("getent ahosts %s", servers[0]).splitlines()]
    for server in servers[1:]:
        known += [line.split()[0] for line in host.check_output("getent ahosts %s", server).splitlines()]
    rules = [
        f"{'-6' if ':' in address else '-4'} rule %s to {address} ipproto udp dport 123 pref 32 unreachable"
        for address in dict.fromkeys(known)
    ]
    try:
        for rule in rules:
            host.check_output(f"ip {rule}" % "add")
        yield
    finally:
        for rule in rules:
            host.run(f"ip {rule}" % "del")
        host.run("chronyc burst 4/8")


@pytest.mark.intrusive
@pytest.mark.alone
@pytest.mark.proves("time_sync.reachable")
def test_a_dead_source_is_noticed(
    host: Host, read: Callable[[], tuple[View, dict[str, Status]]], dead_sources: None
) -> None:
    """With the way to its servers cut, the host fails the check."""
    end = time.monotonic() + 120
    status = Status.PASS
    while status is not Status.FAIL and time.monotonic() < end:
        host.run("chronyc burst 8/8")
        time.sleep(8)
        status = read()[1]["time_sync.reachable"]
    assert status is Status.FAIL, "the sources are dead, and the check does not say so"
