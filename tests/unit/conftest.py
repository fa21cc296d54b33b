"""What all unit tests share."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

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
