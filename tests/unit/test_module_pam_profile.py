"""kijun_pam_profile: the real pam-auth-update on files captured from Debian, below a folder of its own."""

from __future__ import annotations

import importlib
import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args

from tests.unit.modules import load

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).parent / "data" / "pam_profile"
PURE = importlib.import_module("ansible.module_utils.kijun_pam")
FILES = importlib.import_module("ansible.module_utils.kijun_pam_files")
OURS = ("kijun-faillock-preauth", "kijun-faillock", "kijun-faillock-reset")
ROLE_FILES = ROOT / "roles" / "account_lockout" / "files"


MODULE = load("library/kijun_pam_profile.py")
PROFILES = [{"name": name, "content": (ROLE_FILES / name).read_text()} for name in OURS]


def test_documentation_and_argument_spec_agree() -> None:
    documented = yaml.safe_load(MODULE.DOCUMENTATION)["options"]
    pairs = [(documented, MODULE.ARGUMENT_SPEC)]
    pairs.append((documented["profiles"]["suboptions"], MODULE.ARGUMENT_SPEC["profiles"]["options"]))
    for said, spec in pairs:
        assert said.keys() == spec.keys()
        for name in spec:
            for key in ("type", "required", "default", "elements", "choices"):
                assert said[name].get(key) == spec[name].get(key), (name, key)
    assert yaml.safe_load(MODULE.EXAMPLES)
    assert set(yaml.safe_load(MODULE.RETURN)) == {"enabled", "files", "kept_options"}


@pytest.fixture(params=["bookworm", "trixie"])
def host(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh host's PAM files below a folder; modules all installed."""
    root = tmp_path / "host"
    for path, content in json.loads((DATA / f"{request.param}.json").read_text(encoding="utf-8")).items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
    (root / "run").mkdir()
    monkeypatch.setattr(MODULE, "ROOT", str(root))
    monkeypatch.setattr(MODULE, "MODULE_DIRS", (str(root / "modules") + "/",))
    (root / "modules").mkdir()
    for name in ("pam_faillock.so", "pam_unix.so", "pam_systemd.so"):
        (root / "modules" / name).touch()
    return root


def run(capsys: pytest.CaptureFixture[str], *, check: bool = False, **args: Any) -> dict[str, Any]:
    given = {"profiles": PROFILES, "exclusive_modules": ["pam_faillock.so"], **args}
    with (
        patch_module_args({**given, "_ansible_check_mode": check, "_ansible_remote_tmp": "/tmp"}),
        pytest.raises(SystemExit),
    ):
        MODULE.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def contents(root: Path) -> dict[str, str]:
    return {
        str(p.relative_to(root)): p.read_text(encoding="utf-8")
        for p in sorted(root.rglob("*"))
        if p.is_file() and not p.name.endswith(".lock")
    }


def auth_lines(root: Path) -> list[str]:
    text = (root / "etc/pam.d/common-auth").read_text()
    return [" ".join(line.split()) for line in text.splitlines() if line.startswith("auth")]


STACK = [
    "auth required pam_faillock.so preauth",
    "auth [success=2 default=ignore] pam_unix.so nullok try_first_pass",
    "auth [default=die] pam_faillock.so authfail",
    "auth requisite pam_deny.so",
    "auth required pam_permit.so",
    "auth required pam_faillock.so authsucc",
]


def test_check_predicts_and_writes_nothing_then_a_run_does_it_once(
    host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(host)
    predicted = run(capsys, check=True)
    assert contents(host) == before
    done = run(capsys)
    assert {k: predicted[k] for k in ("changed", "diff", "files", "enabled")} == {
        k: done[k] for k in ("changed", "diff", "files", "enabled")
    }
    assert done["changed"]
    assert auth_lines(host) == STACK
    assert set(OURS) <= set(done["enabled"])
    assert {d["after_header"] for d in done["diff"]} == {
        "/etc/pam.d/common-auth",
        *(f"/usr/share/pam-configs/{name}" for name in OURS),
    }
    after = contents(host)
    assert not run(capsys)["changed"]
    assert not run(capsys, check=True)["changed"]
    assert contents(host) == after
    assert not [path for path in after if "kijun-new" in path or "journal" in path]


def test_taking_the_profiles_out_gives_the_former_stack(
    host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(host)
    run(capsys)
    gone = run(capsys, profiles=[{"name": name, "state": "absent"} for name in OURS])
    assert gone["changed"]
    after = contents(host)
    seen = "var/lib/pam/seen"
    assert {k: v for k, v in after.items() if k != seen} == {k: v for k, v in before.items() if k != seen}


def test_other_profiles_with_the_module_are_disabled(host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = (
        "Name: x\nDefault: yes\nPriority: 0\nAccount-Type: Additional\nAccount:\n\trequired pam_faillock.so\n"
    )
    (host / "usr/share/pam-configs/faillock").write_text(foreign)
    done = run(capsys)
    assert "faillock" not in done["enabled"]
    assert "pam_faillock" not in (host / "etc/pam.d/common-account").read_text()


AUTH, PRIMARY, ADDITIONAL = "etc/pam.d/common-auth", "# here are the per-package", "# and here are more"
FALLBACK = "# here's the fallback"
EDITS = [
    (AUTH, PRIMARY, f"auth sufficient pam_unix.so\n{PRIMARY}", "a line outside the block"),
    (AUTH, "auth\trequisite", "auth\toptional pam_x.so\nauth\trequisite", "other fallback lines"),
    (AUTH, "requisite\t\t\tpam_deny.so", "requisite\t\t\tpam_permit.so", "other fallback lines"),
    (AUTH, "success=1", "success=2", "where profile unix put"),
    (AUTH, "# end of pam-auth-update config\n", "", "lost the comments"),
    ("etc/pam.d/common-account", FALLBACK, f"account required pam_x.so\n{FALLBACK}",
     "no profile put there: required pam_x.so"),
    ("etc/pam.d/common-session", "# end of pam-auth", "session optional pam_x.so\n# end of pam-auth",
     "no profile put there"),
    ("etc/pam.d/common-session", "session\trequired\tpam_unix.so \n", "", "lacks a line"),
    ("etc/pam.d/common-password", ADDITIONAL, f"@include mine\n{ADDITIONAL}", "no profile put there"),
]  # fmt: skip


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(("path", "old", "new", "says"), EDITS, ids=range(len(EDITS)))
def test_a_hand_edit_is_refused_before_anything_is_written(
    host: Path, capsys: pytest.CaptureFixture[str], path: str, old: str, new: str, says: str, check: bool
) -> None:
    file = host / path
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    before = contents(host)
    refused = run(capsys, check=check)
    assert refused["failed"]
    assert says in refused["msg"]
    assert "Nothing was changed" in refused["msg"]
    assert contents(host) == before


def test_options_of_others_are_kept_and_ours_put_back(host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys)
    auth = host / "etc/pam.d/common-auth"
    auth.write_text(
        auth.read_text()
        .replace("pam_faillock.so preauth", "pam_faillock.so preauth deny=0")
        .replace("nullok try_first_pass", "try_first_pass")
    )
    done = run(capsys)
    assert done["changed"]
    assert done["kept_options"] == [
        "/etc/pam.d/common-auth: [success=2 default=ignore]\tpam_unix.so try_first_pass"
    ]
    assert auth_lines(host) == [line.replace("nullok ", "") for line in STACK]
    assert not run(capsys)["changed"]


def test_a_module_that_is_not_installed_is_refused(host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (host / "modules" / "pam_faillock.so").unlink()
    before = contents(host)
    refused = run(capsys)
    assert "a right password would be refused by" in refused["msg"]
    assert "sshd (auth)" in refused["msg"]
    assert contents(host) == before
    assert run(capsys, check=True)["changed"], "in check mode the package may come with the same run"


def test_a_stack_that_refuses_right_passwords_is_refused(
    host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "Name: x\nDefault: no\nPriority: 9\nAuth-Type: Additional\nAuth:\n\trequisite pam_deny.so\n"
    before = contents(host)
    refused = run(capsys, profiles=[{"name": "mine", "content": text}])
    assert "a right password would be refused" in refused["msg"]
    assert contents(host) == before


@pytest.mark.parametrize("name", ["../x", "-x", "a b", ""])
def test_bad_names(host: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert "is not a name" in run(capsys, profiles=[{"name": name, "content": "Name: x\n"}])["msg"]


def test_enabling_what_does_not_exist(host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "does not exist" in run(capsys, profiles=[{"name": "nowhere"}])["msg"]


def test_a_host_that_pam_auth_update_does_not_manage(host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (host / "var/lib/pam/auth").unlink()
    assert "does not manage this host's PAM" in run(capsys)["msg"]


class _KilledError(BaseException):
    """Stands for kill -9: nothing of the module's own runs after it."""


@pytest.mark.parametrize("at", range(1, 10))
def test_a_run_killed_between_any_two_renames_is_completed(
    host: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, at: int
) -> None:
    """Each file is old or new, right passwords get in, and the next run ends as an unharmed one would."""
    twin = tmp_path / "twin"
    shutil.copytree(host, twin)
    real, calls = FILES.os.rename, []

    def rename(source: str, target: str) -> None:
        calls.append(target)
        if len(calls) == at:
            raise _KilledError
        real(source, target)

    old = contents(host)
    with monkeypatch.context() as patched:
        patched.setattr(FILES.os, "rename", rename)
        patched.setattr(MODULE, "ROOT", str(host))
        with (
            patch_module_args(
                {
                    "profiles": PROFILES,
                    "exclusive_modules": ["pam_faillock.so"],
                    "_ansible_remote_tmp": "/tmp",
                }
            ),
            pytest.raises((_KilledError, SystemExit)),
        ):
            MODULE.main()
    capsys.readouterr()
    killed = contents(host)
    monkeypatch.setattr(MODULE, "ROOT", str(twin))
    run(capsys)
    new = contents(twin)
    assert all(text in (old.get(path), new.get(path)) for path, text in killed.items() if path in new)
    services = {f"/{p}": t.encode() for p, t in killed.items() if p.startswith("etc/pam.d/")}
    fresh = {f"/{p}": t.encode() for p, t in old.items() if p.startswith("etc/pam.d/")}
    assert PURE.newly_refusing(fresh, services, set()) == []
    monkeypatch.setattr(MODULE, "ROOT", str(host))
    run(capsys)
    assert {p: t for p, t in contents(host).items() if "kijun-new" not in p} == new
    assert not run(capsys)["changed"]


def test_somebody_else_changes_pam_meanwhile(
    host: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = MODULE.plan

    def plan(module: Any, before: dict[str, bytes]) -> dict[str, bytes]:
        after: dict[str, bytes] = real(module, before)
        (host / "var/lib/pam/seen").write_text("somebody\n")
        return after

    monkeypatch.setattr(MODULE, "plan", plan)
    assert "somebody else" in run(capsys)["msg"]
    assert auth_lines(host)[0].endswith("pam_unix.so nullok")


def test_what_reads_back_differently_is_put_back(
    host: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = FILES.Files._replace

    def replace(self: Any, path: str, content: bytes, mode: int) -> None:
        spoiled = b"spoiled\n" if path.endswith("common-auth") and b"preauth" in content else content
        real(self, path, spoiled, mode)

    before = contents(host)
    monkeypatch.setattr(FILES.Files, "_replace", replace)
    assert "the former ones were put back" in run(capsys)["msg"]
    assert contents(host) == before


def test_profile_modules() -> None:
    text = "Name: pam_no.so\nAuth:\n\t[success=end default=ignore]\t/lib/x/pam_a.so\n required pam_c.so\n"
    assert PURE.profile_modules(text) == {"pam_a.so", "pam_c.so"}
