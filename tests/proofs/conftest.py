"""What proofs are given: the host, its parameters, throw-away users, and logins from outside.

Run by `kijun prove`, or by hand and by Molecule's Testinfra verifier:

    pytest tests/proofs --hosts=ansible://NAME --ansible-inventory=INVENTORY [--intrusive]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from testinfra.host import Host

from kijun.proving.hosts import ProofHost, proof_host
from kijun.proving.logins import SshLogins
from kijun.proving.pty import PtySession
from kijun.proving.users import ThrowawayUser, create, new_name, remove, sweep

MakeUser = Callable[..., ThrowawayUser]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--intrusive`: without it, proofs that create users or provoke lockouts are not run."""
    parser.addoption("--intrusive", action="store_true", help="also run proofs that create throw-away users")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers here too: an installed kijun has no pyproject.toml beside its proofs."""
    config.addinivalue_line(
        "markers", "intrusive: creates a throw-away user or provokes a lockout; cleans up"
    )
    config.addinivalue_line("markers", "proves(control, …): the controls that this test proves")
    config.addinivalue_line("markers", "alone: reboots the host or the like; runs when no other test does")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect intrusive proofs unless asked for: they are "not run", never passed or skipped.

    What has to be alone on its host comes last.
    """
    items.sort(key=lambda item: item.get_closest_marker("alone") is not None)
    if config.getoption("--intrusive"):
        return
    left_out = [item for item in items if item.get_closest_marker("intrusive")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("intrusive")]


@pytest.fixture(scope="module")
def proof(host: Host, request: pytest.FixtureRequest) -> ProofHost:
    """Connection and parameters of the host under proof, from the inventory."""
    return proof_host(request.config, host.backend.get_hostname())


@pytest.fixture(scope="module")
def params(proof: ProofHost) -> dict[str, object]:
    """Every role parameter as it is effective on this host."""
    return dict(proof.params)


@pytest.fixture(scope="module")
def make_user(host: Host, params: dict[str, object]) -> Iterator[MakeUser]:
    """A factory, `make_user(privileged=False)`; all its users are removed at the end of the module."""
    made: list[str] = []
    sweep(host)

    def make(*, privileged: bool = False, length: int | None = None) -> ThrowawayUser:
        lengths = [v for k, v in params.items() if "length" in k and isinstance(v, int)]
        made.append(new_name())  # noted first: an interrupt must not leave the user behind
        return create(host, made[-1], privileged=privileged, length=length or max(24, *lengths, 0) + 4)

    yield make
    for name in made:
        remove(host, name)


@pytest.fixture
def throwaway_user(host: Host, make_user: MakeUser) -> Iterator[ThrowawayUser]:
    """An ordinary user with a valid password, removed after the test with everything it left."""
    user = make_user()
    yield user
    remove(host, user.name)


@pytest.fixture
def privileged_user(host: Host, make_user: MakeUser) -> Iterator[ThrowawayUser]:
    """A throw-away user in the group sudo."""
    user = make_user(privileged=True)
    yield user
    remove(host, user.name)


@pytest.fixture(scope="module")
def logins(host: Host, proof: ProofHost) -> SshLogins:
    """Password logins over SSH from the control node; see kijun.proving.logins."""
    return SshLogins(host, proof.connection)


@pytest.fixture(scope="module")
def password_login(logins: SshLogins) -> Callable[[str, str], object]:
    """`password_login(user, password)` → Login: true where a command ran as the user, with a reason."""
    return logins.password_login


@pytest.fixture
def pty_session(logins: SshLogins) -> Iterator[Callable[..., PtySession]]:
    """`pty_session(user, password, command=None)` → PtySession; closed after the test."""
    opened: list[PtySession] = []

    def open_one(user: str, password: str, command: str | None = None) -> PtySession:
        opened.append(logins.pty_session(user, password, command))
        return opened[-1]

    yield open_one
    for session in opened:
        session.close()
