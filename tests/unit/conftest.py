"""What all unit tests share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.unit import recorded

# A busy machine must not fail a property: how long an example took is no part of what it asserts.
settings.register_profile("kijun", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kijun")


@pytest.fixture(scope="session", autouse=True)
def state_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test writes into the record, or reads the proofs, of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIJUN_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        patch.delenv("KIJUN_RECORD", raising=False)
        yield


@pytest.fixture(name="filled", scope="module")
def filled_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a record with a few events, to be read only."""
    return recorded.fill(tmp_path_factory.mktemp("record") / "record.sqlite")


@pytest.fixture(name="copy")
def copy_(filled: Path, tmp_path: Path) -> Path:
    """Return a copy of that record, to be done anything to."""
    return Path(shutil.copy(filled, tmp_path / "record.sqlite"))
