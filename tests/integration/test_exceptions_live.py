"""An exception on a booted host: shown as such, spared by enforce, and a fail once it is over."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
import yaml

from kijun.targets import Target, disposable

pytestmark = pytest.mark.booted
Kijun = Callable[..., subprocess.CompletedProcess[str]]
CONTROL = "account_lockout.threshold"
TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    before = os.environ.get("KIJUN_STATE_DIR")
    os.environ["KIJUN_STATE_DIR"] = str(tmp_path_factory.mktemp("state"))
    with disposable("excepted-13", release="trixie") as target:
        yield target
    if before is None:
        del os.environ["KIJUN_STATE_DIR"]
    else:
        os.environ["KIJUN_STATE_DIR"] = before


def kijun(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kijun", *words], capture_output=True, text=True, check=False
    )


def register(target: Target, **changes: object) -> str:
    """Write the register beside the target's inventory; return what --inventory is."""
    folder = target.inventory.parent
    (folder / "exceptions").mkdir(exist_ok=True)
    persons = {"chief": {"roles": ["ciso"]}, "unit": {"roles": ["unit_ciso"]}}
    (folder / "persons.yml").write_text(yaml.safe_dump({"persons": persons}))
    values = {
        "controls": [CONTROL],
        "hosts": target.name,
        "reason": "An old scanner",
        "applicant": "unit",
        "applied_on": str(TODAY - timedelta(days=9)),
        "state": "permitted",
        "decided_by": "chief",
        "decided_on": str(TODAY - timedelta(days=9)),
        "expires_on": str(TODAY + timedelta(days=99)),
    }
    (folder / "exceptions/scanner.yml").write_text(yaml.safe_dump(values | changes))
    return str(target.inventory)


def status(inventory: str, *words: str) -> tuple[int, dict[str, str], dict[str, int]]:
    done = kijun("check", "-i", inventory, "--topic", "account_lockout", "--format", "json", *words)
    report = json.loads(done.stdout)
    (found,) = report["hosts"].values()
    return (
        done.returncode,
        {f["control"]: f["status"] for f in found["findings"]},
        report["summary"]["remarks"],
    )


def test_an_excepted_control_shows_as_excepted_everywhere(host: Target) -> None:
    inventory = register(host)
    code, statuses, remarks = status(inventory)
    assert (code, statuses[CONTROL], remarks["finding"]) == (1, "excepted", 0)  # other controls still fail
    words = ("check", "-i", inventory, "--topic", "account_lockout", "--format")
    assert f"excepted       {CONTROL}" in kijun(*words, "text").stdout
    assert 'class="badge excepted"' in kijun(*words, "html").stdout
    (case,) = ET.fromstring(kijun(*words, "junit").stdout).findall(".//testcase[@name='threshold']")
    skipped = case.find("skipped")
    assert skipped is not None
    assert "An old scanner" in skipped.attrib["message"]
    assert {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")} == {
        "status": "excepted",
        "exception": "scanner",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_on": str(TODAY - timedelta(days=2))},
        {"decided_by": "unit"},
        {"applicant": "chief"},
        {"state": "refused"},
        {"state": "withdrawn"},
    ],
)
def test_what_does_not_count_is_a_fail(host: Target, changes: dict[str, object]) -> None:
    code, statuses, remarks = status(register(host, **changes))
    assert (code, statuses[CONTROL]) == (1, "fail")
    assert bool(remarks["finding"]) == ("state" not in changes)


def test_enforce_spares_what_is_excepted_and_says_so(host: Target) -> None:
    inventory = register(host)
    before = host.run("cat /etc/pam.d/common-auth /etc/security/faillock.conf | sha256sum").stdout
    done = kijun("enforce", "-i", inventory, "--topic", "account_lockout")
    assert done.returncode == 1
    assert f"not run on {host.name}: account_lockout, as its role would undo what is excepted" in done.stdout
    assert f"{CONTROL} (exception scanner)" in done.stdout
    assert host.run("cat /etc/pam.d/common-auth /etc/security/faillock.conf | sha256sum").stdout == before


def test_a_malformed_register_touches_nothing(host: Target) -> None:
    inventory = register(host, expires_on="soon")
    for verb in ("check", "enforce", "prove"):
        done = kijun(verb, "-i", inventory, "--topic", "account_lockout")
        assert (done.returncode, done.stdout) == (3, "")
        assert len(done.stderr.splitlines()) == 1
        assert "scanner.yml: expires_on: expected a date" in done.stderr


def test_once_all_are_excepted_nothing_fails_and_then_enforcing_mends(host: Target) -> None:
    _, statuses, _ = status(register(host))
    failing = [control for control, found in statuses.items() if found != "pass"]
    inventory = register(host, controls=failing)
    code, statuses, _ = status(inventory)
    assert (code, {statuses[control] for control in failing}) == (0, {"excepted"})
    done = kijun("enforce", "-i", inventory, "--topic", "account_lockout")
    assert (done.returncode, f"{len(failing)} are excepted" in done.stdout) == (0, True)
    inventory = register(host, state="withdrawn")
    done = kijun("enforce", "-i", inventory, "--topic", "account_lockout")
    assert done.returncode == 0, done.stdout + done.stderr
    assert status(inventory)[1][CONTROL] == "pass"
