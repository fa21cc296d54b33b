"""A sample of the sabotage, on hosts of its own, caught as each script says; `make sabotage` tries all."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kijun import sabotaging
from kijun.sabotaging import Caught, scripts, telling
from kijun.sabotaging.scripts import Sabotage
from kijun.sabotaging.subjects import Subject, hosts_for

pytestmark = pytest.mark.booted
SEED = int(os.environ.get("KIJUN_SABOTAGE_SEED", "1"))


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory of our own; nothing but logs may be left in it."""
    monkeypatch.setenv("KIJUN_STATE_DIR", str(tmp_path))
    yield tmp_path
    assert not list(tmp_path.glob("image-*"))
    assert not list((tmp_path / "targets").glob("*/"))


def test_a_sample_is_caught_and_harmless_scripts_are_not(
    state: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Beside the sample: one that breaks nothing must not be called caught, one that fails not broken."""
    every = scripts.collect(sabotaging.folder())
    # Those for a mail server and the like need a host of their own each: make sabotage.
    by_reading = [s for s in every if s.caught_by == "reading" and Subject() in hosts_for([s])]
    chosen = scripts.sample(by_reading, 4, SEED)
    folder = tmp_path_factory.mktemp("scripts")
    for name, body in (("harmless", "true\n"), ("powerless", "echo cannot >&2; exit 3\n")):
        (folder / f"{name}.sh").write_text(body)
    extra = [
        Sabotage(
            "account_lockout",
            name,
            folder / f"{name}.sh",
            ("account_lockout.threshold",),
            "reading",
            "Nothing.",
        )
        for name in ("harmless", "powerless")
    ]
    trials = sabotaging.run([*chosen, *extra], ["trixie"], say=lambda _line: None)
    results = {trial.script.name: trial.caught for trial in trials}
    assert results.pop("harmless") is Caught.NOT_CAUGHT
    assert results.pop("powerless") is Caught.NOT_BROKEN
    assert set(results.values()) == {Caught.BY_READING}, telling.as_table(trials)
