"""Which roles run where, what an enforcement's exit code is, and what becomes of Ansible's events."""

import io
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.checking import Options, Report
from kijun.enforcing import Enforcement, Request
from kijun.enforcing.planning import Group, Plan, plan
from kijun.enforcing.playing import (
    HostPlay,
    Play,
    Played,
    _arguments,
    _clean_environment,
    _Listener,
    vault_arguments,
)
from kijun.enforcing.telling import summary
from kijun.model import Finding, Grade, HostReport, Outcome, Status

NOW = datetime(2026, 4, 1, tzinfo=UTC)


def finding(topic: str, status: Status) -> Finding:
    return Finding(f"{topic}.x", topic, (), status, Grade.CONFIGURED, "this", "that", "/etc/x")


def host(
    name: str, *, reason: str = "", outcome: Outcome = Outcome.COLLECTED, **topics: Status
) -> HostReport:
    findings = tuple(finding(topic, status) for topic, status in topics.items())
    return HostReport(name, outcome, reason, 0.1, findings)


def report(*hosts: HostReport) -> Report:
    return Report("rulebook", NOW, NOW, hosts, ("a", "b"))


def test_only_failing_topics_on_failing_hosts_in_as_few_runs_as_possible() -> None:
    hosts = [
        host("h1", a=Status.FAIL, b=Status.PASS),
        host("h2", a=Status.FAIL, b=Status.FAIL),
        host("h3", a=Status.PASS, b=Status.UNKNOWN),
        host("h4", a=Status.FAIL, b=Status.NOT_APPLICABLE),
    ]
    wanted = plan(hosts, ["a", "b"])
    assert wanted.groups == (Group(("a",), ("h1", "h4")), Group(("a", "b"), ("h2",)))
    assert not wanted.left_out


def test_everything_runs_all_topics_where_it_can() -> None:
    hosts = [host("h1", a=Status.PASS), host("dead", reason="no route", outcome=Outcome.UNREACHABLE)]
    wanted = plan(hosts, ["b", "a"], everything=True)
    assert wanted.groups == (Group(("a", "b"), ("h1",)),)
    assert wanted.left_out == {"dead": "unreachable: no route"}


def test_no_role_runs_on_a_release_out_of_support() -> None:
    old = host("old", reason="out of support: Debian 11 …", a=Status.FAIL)
    wanted = plan([old], ["a"])
    assert not wanted.groups
    assert "roles do not run there" in wanted.left_out["old"]


@pytest.mark.parametrize("everything", [False, True])
def test_a_topic_with_something_excepted_is_spared_and_told(everything: bool) -> None:
    excepted = replace(finding("a", Status.EXCEPTED), control="a.y", exception="old-scanner")
    one = HostReport("h1", Outcome.COLLECTED, "", 0.1, (finding("a", Status.FAIL), excepted))
    other = host("h2", a=Status.FAIL, b=Status.FAIL)
    wanted = plan([one, other], ["a", "b"], everything=everything)
    runs = {name: group.topics for group in wanted.groups for name in group.hosts}
    assert runs == ({"h1": ("b",)} if everything else {}) | {"h2": ("a", "b")}
    assert wanted.spared == {"h1": {"a": "a.y (exception old-scanner)"}}
    text = "\n".join(summary(Enforcement(Request(Options(("inv",))), report(one), wanted)))
    assert "not run on h1: a, as its role would undo what is excepted: a.y (exception old-scanner)" in text


def test_what_is_excepted_is_not_told_as_a_pass() -> None:
    done = Enforcement(Request(Options(("inv",))), report(host("h", a=Status.EXCEPTED)), Plan(()))
    assert summary(done) == ["Nothing to do: no control fails on any host, but 1 is excepted."]


@given(st.lists(st.tuples(st.sampled_from(list(Status)), st.sampled_from(list(Status))), max_size=30))
def test_every_failing_host_is_in_exactly_one_run_with_its_topics(
    statuses: list[tuple[Status, Status]],
) -> None:
    hosts = [host(f"h{i}", a=a, b=b) for i, (a, b) in enumerate(statuses)]
    runs = {name: group.topics for group in plan(hosts, ["a", "b"]).groups for name in group.hosts}
    assert sum(len(group.hosts) for group in plan(hosts, ["a", "b"]).groups) == len(runs)
    for one, (a, b) in zip(hosts, statuses, strict=True):
        failing = tuple(slug for slug, status in (("a", a), ("b", b)) if status is Status.FAIL)
        assert runs.get(one.name, ()) == failing


PASSING, FAILING = host("h", a=Status.PASS), host("h", a=Status.FAIL)
UNKNOWN, DEAD = host("h", a=Status.UNKNOWN), host("h", outcome=Outcome.UNREACHABLE, a=Status.UNKNOWN)
FINE = Played(Path("log"), hosts={"h": HostPlay(changed=["t"])})
BROKEN = Played(Path("log"), rc=2, hosts={"h": HostPlay(failure="h: task 't' failed: no")})


@pytest.mark.parametrize(
    ("before", "played", "after", "check", "code"),
    [
        (PASSING, None, None, False, 0),
        (FAILING, FINE, PASSING, False, 0),
        (FAILING, FINE, FAILING, False, 1),
        (FAILING, FINE, UNKNOWN, False, 2),
        (FAILING, BROKEN, FAILING, False, 1),
        (FAILING, BROKEN, PASSING, False, 2),  # never 0 where a role could not be brought to its end
        (DEAD, None, None, False, 2),
        (PASSING, None, None, True, 0),
        (FAILING, FINE, None, True, 1),
        (FAILING, BROKEN, None, True, 2),
        (DEAD, None, None, True, 2),
    ],
)
def test_exit_codes(
    before: HostReport, played: Played | None, after: HostReport | None, check: bool, code: int
) -> None:
    done = Enforcement(
        Request(Options(("inv",)), check=check),
        report(before),
        Plan((Group(("a",), ("h",)),) if played else ()),
        [(Group(("a",), ("h",)), played)] if played else [],
        report(after) if after else None,
    )
    assert done.exit_code == code
    assert summary(done)


def test_the_summary_names_what_still_fails_and_where_the_log_is() -> None:
    run = [(Group(("a",), ("h",)), BROKEN)]
    done = Enforcement(Request(Options(("inv",))), report(FAILING), Plan(()), run, report(FAILING))
    text = "\n".join(summary(done))
    assert "a.x still fails: expected this, found that (/etc/x)" in text
    assert "h: task 't' failed: no" in text
    assert "full log: log" in text


def listener(**options: object) -> tuple[_Listener, Played, io.StringIO, list[str]]:
    said: list[str] = []
    log, played = io.StringIO(), Played(Path("log"))
    play = Play(("inv",), ("h",), ("a",), **options)  # type: ignore[arg-type]
    return _Listener(play, played, log, said.append), played, log, said


def event(kind: str, stdout: str = "", **data: object) -> dict[str, object]:
    return {"event": kind, "stdout": stdout, "event_data": data}


def test_changes_and_failures_are_taken_from_events() -> None:
    take, played, log, said = listener(secrets=("s3cret",))
    take.event(event("runner_on_ok", "changed: [h]", host="h", role="a", task="Write", res={"changed": True}))
    take.event(event("runner_on_ok", "ok: [h]", host="h", role="a", task="Look", res={"changed": False}))
    failed = {"msg": "refused\ns3cret"}
    take.event(event("runner_on_failed", "fatal: s3cret", host="h", role="a", task="Load", res=failed))
    take.event(event("playbook_on_stats", failures={"h": 1}))
    assert played.hosts["h"].changed == ["a : Write"]
    assert played.hosts["h"].failure == "h: task 'a : Load' failed: refused ***"
    assert said == ["  h: changed: a : Write", "  FAILED h: task 'a : Load' failed: refused ***"]
    assert "s3cret" not in log.getvalue()


def test_the_name_to_undo_a_run_by_is_taken_from_the_confirmation() -> None:
    take, played, _, _ = listener()
    confirmation = {"host": "h", "role": "change_guard", "task": "Log in anew"}
    take.event(event("runner_on_ok", **confirmation, res={"kept": False, "run": "20261125-101500-1"}))
    assert played.kept == ""
    take.event(event("runner_on_ok", **confirmation, res={"kept": True, "run": "20261125-101500-1"}))
    assert played.kept == "20261125-101500-1"


def test_of_a_loop_the_first_item_that_failed_is_told() -> None:
    take, played, _, _ = listener()
    task = {"host": "h", "role": "a", "task": "Start", "task_uuid": "1"}
    odd = {"msg": "The command exited with a non-zero return code.", "stderr": "Job for b.service\nfailed."}
    take.event(
        event("runner_item_on_failed", **task | {"task_uuid": "0"}, res={"item": "z", "msg": "ignored"})
    )
    take.event(event("runner_item_on_failed", **task, res={"item": "b"} | odd))
    take.event(event("runner_item_on_failed", **task, res={"item": "c"} | odd))
    take.event(event("runner_on_failed", **task, res={"msg": "One or more items failed"}))
    take.event(event("playbook_on_stats", failures={"h": 1}))
    assert played.hosts["h"].failure == "h: task 'a : Start' (b) failed: Job for b.service failed."


def test_a_rescued_or_ignored_failure_is_none() -> None:
    take, played, _, _ = listener()
    take.event(event("runner_on_failed", host="h", task="Try", res={"msg": "no"}))
    take.event(event("runner_on_failed", host="h", task="Ask", res={"msg": "no"}, ignore_errors=True))
    take.event(event("playbook_on_stats", failures={}, rescued={"h": 1}))
    assert played.ok


def test_an_error_before_any_host_is_one_sentence() -> None:
    take, _, _, _ = listener()
    take.event(event("verbose", "\x1b[0;31m[ERROR]: the vault password is wrong\x1b[0m\nOrigin: x"))
    assert take.complaint() == "the vault password is wrong"


def test_arguments_name_hosts_in_a_file_and_topics_as_tags() -> None:
    play = Play(
        ("inv", "two"), ("h",), ("a", "b"), check=True, diff=True, vault_arguments=("--vault-id", "x@y")
    )
    line = " ".join(_arguments(play, Path("/tmp/hosts")))
    assert line == ("-i inv -i two --limit @/tmp/hosts --tags a,b --forks 10 --check --diff --vault-id x@y")


def test_vault_files_with_a_label_are_vault_ids() -> None:
    assert list(vault_arguments(["plain", "label@file"])) == [
        "--vault-password-file", "plain", "--vault-id", "label@file",
    ]  # fmt: skip


def test_the_operator_s_ansible_settings_do_not_reach_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ANSIBLE_ROLES_PATH", "/elsewhere")
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "kept")
    monkeypatch.setenv("ANSIBLE_CONFIG", "/home/x/ansible.cfg")
    own = {"ANSIBLE_CONFIG": "ours", "ANSIBLE_CALLBACK_PLUGINS": f"theirs{os.pathsep}runner's"}
    config = SimpleNamespace(
        env={**os.environ, **own, "ORIGINAL_STDOUT_CALLBACK": "x"}, artifact_dir=tmp_path
    )
    _clean_environment({"status": "starting"}, config)
    assert "ANSIBLE_ROLES_PATH" not in config.env
    assert "ORIGINAL_STDOUT_CALLBACK" not in config.env
    assert config.env["ANSIBLE_VAULT_PASSWORD_FILE"] == "kept"
    assert config.env["ANSIBLE_CONFIG"] == "ours"
    assert config.env["ANSIBLE_CALLBACK_PLUGINS"] == "runner's"


def test_no_environment_stays_on_disk(tmp_path: Path) -> None:
    (tmp_path / "command").write_text("the whole environment")
    _clean_environment({"status": "running"}, SimpleNamespace(env={}, artifact_dir=tmp_path))
    assert not (tmp_path / "command").exists()


def test_a_prediction_that_could_not_be_made_is_not_told_as_no_change() -> None:
    run = [(Group(("a",), ("h",)), BROKEN)]
    done = Enforcement(Request(Options(("inv",)), check=True), report(FAILING), Plan(()), run)
    assert "Nothing would change." not in summary(done)
    fine = [(Group(("a",), ("h",)), Played(Path("log"), hosts={"h": HostPlay()}))]
    assert summary(Enforcement(Request(Options(("inv",)), check=True), report(FAILING), Plan(()), fine)) == [
        "Nothing would change."
    ]


def test_a_host_that_cannot_be_read_afterwards_is_told() -> None:
    run = [(Group(("a",), ("h",)), FINE)]
    done = Enforcement(Request(Options(("inv",))), report(FAILING), Plan(()), run, report(DEAD))
    assert "1 of 1 hosts could not be read afterwards; nothing fails on the others." in summary(done)
