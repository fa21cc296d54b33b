"""PAM stacks: assembled and walked as libpam does, whose own answers are the cases here."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.parsers import pam as module
from kijun.parsers.pam import Handler, PamConfig, is_service, parse_control, tokens

DATA = Path(__file__).parent / "data"
# Made at random for pam_debug.so, which returns what its arguments say; the results are those of libpam 1.5.2
# (pam_authenticate and pam_acct_mgmt), recorded on Debian 12.
WALKS = json.loads((DATA / "pam_walks.json").read_text(encoding="utf-8"))
OTHER = "auth required pam_debug.so auth=auth_err\naccount required pam_debug.so acct=acct_expired\n"


def said(phase: str):
    key = {"auth": "auth=", "account": "acct="}[phase]

    def answer(handler: Handler) -> str:
        if handler.module != "pam_debug.so":
            return "module_unknown"
        return next(a for a in handler.args if a.startswith(key)).removeprefix(key)

    return answer


@pytest.mark.parametrize("phase", ["auth", "account"])
@pytest.mark.parametrize("case", WALKS, ids=range(len(WALKS)))
def test_a_walk_ends_as_with_libpam(case: dict, phase: str) -> None:
    files = {f"/etc/pam.d/{n}" if n == "svc" else f"/conf/{n}": text for n, text in case["files"].items()}
    walks = PamConfig({**files, "/etc/pam.d/other": OTHER}).walk("svc", phase, said(phase))
    assert [w.result for w in walks] == [case[phase]]


def config(text: str, **more: str) -> PamConfig:
    return PamConfig({"/etc/pam.d/svc": text, **{f"/etc/pam.d/{n}": t for n, t in more.items()}})


def modules(pam: PamConfig, service: str = "svc", phase: str = "auth") -> list[str]:
    return [h.module for h in pam.stack(service, phase) or ()]


def test_includes_continuations_and_comments() -> None:
    pam = config(
        "# auth required a.so\nauth required \\\n  b.so one two # note\n@include common\n"
        "-auth optional c.so\nsession required s.so\n",
        common="auth [success=1 default=ignore] /opt/x/d.so\naccount required e.so\n",
    )
    assert modules(pam) == ["b.so", "d.so", "c.so"]
    assert modules(pam, phase="account") == ["e.so"]
    first, second, _ = pam.stack("svc", "auth")
    assert (first.args, first.where) == (("one", "two"), "/etc/pam.d/svc:2")
    assert (second.module_path, second.actions) == ("/opt/x/d.so", {"success": 1, "default": "ignore"})


def test_a_service_without_lines_for_a_phase_gets_those_of_other() -> None:
    pam = config("session required s.so\n", other="auth required deny.so\n")
    assert modules(pam) == modules(pam, "nobody_knows") == ["deny.so"]


def test_vendor_files_and_pam_conf() -> None:
    pam = PamConfig(
        {
            "/usr/lib/pam.d/vendor": "auth required v.so\n",
            "/usr/lib/pam.d/both": "auth required no.so\n",
            "/etc/pam.d/both": "auth required yes.so\n",
            "/etc/pam.conf": "# old\nOLD auth required o.so arg\nboth auth required no.so\n",
        }
    )
    assert [modules(pam, s) for s in ("vendor", "both", "old")] == [["v.so"], ["yes.so"], ["o.so"]]
    assert pam.services() == ["both", "old", "vendor"]


def test_loops_and_missing_includes_fail_and_end() -> None:
    loop = config("auth include svc\n@include svc\n")
    assert [w.granted for w in loop.walk("svc", "auth", lambda _: "success")] == [False]
    missing = config("auth required a.so\n@include gone\n")
    assert [h.kind for h in missing.stack("svc", "auth")] == ["module", "broken"]
    assert not missing.walk("svc", "auth", lambda _: "success")[0].granted


def test_a_file_that_ends_within_a_line_is_refused_whole() -> None:
    pam = config("auth required a.so\nauth required b.so \\\n")
    assert pam.stack("svc", "auth") is None
    assert [w.result for w in pam.walk("svc", "auth", lambda _: "success")] == ["abort"]


def test_every_answer_is_explored() -> None:
    pam = config("auth sufficient a.so\nauth required b.so\n")
    walks = pam.walk("svc", "auth", lambda _: ("success", "auth_err"))
    assert [(w.result, [s.handler.module for s in w.steps]) for w in walks] == [
        ("success", ["a.so"]),
        ("success", ["a.so", "b.so"]),
        ("auth_err", ["a.so", "b.so"]),
    ]
    assert walks[0].called("a.so")
    assert not walks[0].called("a.so", "argument")


def test_too_many_ways_are_not_walked() -> None:
    pam = config("auth optional a.so\n" * 13)
    assert pam.walk("svc", "auth", lambda _: ("success", "auth_err")) == []


def test_a_jump_beyond_the_end_is_seen() -> None:
    pam = config("auth [success=2 default=ignore] a.so\nauth required b.so\n")
    (walk,) = pam.walk("svc", "auth", lambda _: "success")
    assert (walk.bad_jump, walk.granted) == (True, False)


def test_the_second_pass_follows_the_frozen_chain() -> None:
    """A quality check that passes at first and refuses later does not stop what comes after it."""
    pam = config("password requisite quality.so\npassword [success=1 default=ignore] unix.so\n"
                 "password requisite pam_deny.so\npassword required pam_permit.so\n")  # fmt: skip
    answers = {"pam_deny.so": "authtok_err"}
    (first,) = pam.walk("svc", "password", lambda h: answers.get(h.module, "success"))
    answers["quality.so"] = "authtok_err"
    (second,) = pam.walk("svc", "password", lambda h: answers.get(h.module, "success"), frozen=first)
    assert second.result == "authtok_err"
    assert [s.handler.module for s in second.steps] == ["quality.so", "unix.so", "pam_permit.so"]


@pytest.mark.parametrize(
    ("control", "actions"),
    [
        ("Required", {"success": "ok", "new_authtok_reqd": "ok", "ignore": "ignore", "default": "bad"}),
        ("[default=die]", {"default": "die"}),
        ("[ success = 2 ignore=ignore default = bad ]", {"success": 2, "ignore": "ignore", "default": "bad"}),
        ("[default=ignore default=die]", {"default": "ignore"}),
        ("[success=0]", {"default": "bad"}),
        ("[succes=ok]", {"default": "bad"}),
        ("[success]", {"default": "bad"}),
        ("[success=okay]", {"default": "bad"}),
        ("nonsense", {"default": "bad"}),
        ("[success=99999999999999999999]", {"success": 999999999}),
    ],
)
def test_controls(control: str, actions: dict) -> None:
    assert parse_control(control) == actions


def test_tokens() -> None:
    assert tokens("auth  [a=b c=d]\tx.so [one \\] two] three") == [
        "auth",
        "[a=b c=d]",
        "x.so",
        "[one ] two]",
        "three",
    ]


@pytest.mark.parametrize(
    "name", ["common-auth", "sshd.dpkg-old", "sudo~", "common-auth.pam-new", "", ".hidden"]
)
def test_what_is_no_service(name: str) -> None:
    assert not is_service(name)


@given(st.dictionaries(st.sampled_from(["svc", "other", "common-auth", "x"]), st.binary(max_size=300)))
def test_any_bytes_are_walked_without_an_error(files: dict[str, bytes]) -> None:
    pam = PamConfig({f"/etc/pam.d/{name}": content for name, content in files.items()})
    for service in (*pam.services(), "svc"):
        for phase in module.PHASES:
            pam.walk(service, phase, lambda _: ("success", "auth_err"))


WORDS = st.sampled_from(
    ["auth", "-auth", "account", "@include", "include", "substack", "required", "sufficient", "[success=1",
     "default=die]", "x", "svc", "pam_unix.so", "\\\n", "\n", "#", "/etc/pam.d/x", "[success=2 default=bad]"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=60), st.lists(WORDS, max_size=60))
def test_nearly_valid_files_are_walked_without_an_error(one: list[str], two: list[str]) -> None:
    pam = PamConfig({"/etc/pam.d/svc": " ".join(one), "/etc/pam.d/x": " ".join(two)})
    for phase in module.PHASES:
        for walk in pam.walk("svc", phase, lambda _: ("success", "ignore")):
            assert walk.result in (*module.RETURNS, "abort")


def test_it_runs_on_a_host_too() -> None:
    """The Ansible module takes this file along: nothing newer than Python 3.9, nothing of kijun."""
    link = Path(__file__).resolve().parents[2] / "module_utils" / "kijun_pam_stack.py"
    assert link.resolve() == Path(module.__file__).resolve()
    tree = ast.parse(link.read_text(encoding="utf-8"), feature_version=(3, 9))
    imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert imported <= {"__future__", "collections.abc", "contextlib", "dataclasses", "typing"}
