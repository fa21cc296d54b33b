"""Which host a topic's sabotage is tried on, and what is made of it first."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kijun.errors import KijunError
from kijun.sabotaging import subjects
from kijun.sabotaging.scripts import Sabotage
from kijun.sabotaging.subjects import Subject


@dataclass
class FakeTarget:
    """Notes what it is told to run."""

    name: str = "x12"
    inventory: Path = Path("/nowhere/inventory.yml")
    returncode: int = 0
    ran: list[str] = field(default_factory=list)

    def run(self, *_command: str, stdin: str = "", **_options: Any) -> subprocess.CompletedProcess[str]:
        self.ran.append(stdin)
        return subprocess.CompletedProcess([], self.returncode, "", "E: no such package\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(subjects, "data_root", lambda: tmp_path)
    folder = tmp_path / "tests" / "subjects" / "mail_relay"
    folder.mkdir(parents=True)
    return folder


def script(topic: str, subject: str = "") -> Sabotage:
    return Sabotage(topic, "broken", Path("broken.sh"), (f"{topic}.x",), "reading", "", (), subject)


def test_topics_without_a_subject_share_the_plain_host(folder: Path) -> None:
    lockout, relay, password = (
        script(topic) for topic in ("account_lockout", "mail_relay", "password_policy")
    )
    assert subjects.hosts_for([lockout, relay, password]) == {
        Subject(): [lockout, password],
        Subject("mail_relay", folder): [relay],
    }


def test_a_topic_can_have_several_kinds_of_host(folder: Path) -> None:
    (folder / "exim").mkdir()
    postfix, exim = script("mail_relay"), script("mail_relay", "exim")
    found = subjects.hosts_for([postfix, exim])
    assert found == {
        Subject("mail_relay", folder): [postfix],
        Subject("mail_relay", folder / "exim", "exim"): [exim],
    }
    assert [subject.label for subject in found] == ["mail_relay host", "mail_relay exim host"]


def test_a_kind_of_host_that_does_not_exist_is_named(folder: Path) -> None:
    with pytest.raises(
        KijunError, match=r"broken\.sh: '# subject: sendmail' needs a folder .*/mail_relay/sendmail"
    ):
        subjects.hosts_for([script("mail_relay", "sendmail")])


def test_the_plain_host_is_left_as_it_is() -> None:
    target = FakeTarget()
    Subject().prepare(target)  # type: ignore[arg-type]
    assert target.ran == []
    assert Subject().sources(target, Path("/nowhere")) == ("/nowhere/inventory.yml",)  # type: ignore[arg-type]


def test_the_script_is_run_and_the_variables_become_a_source(folder: Path, tmp_path: Path) -> None:
    (folder / "prepare.sh").write_text("apt-get install postfix\n")
    (folder / "vars.yml").write_text("mail_relay_networks: [192.0.2.0/24]\n")
    target, subject = FakeTarget(), Subject("mail_relay", folder)
    subject.prepare(target)  # type: ignore[arg-type]
    assert target.ran == ["apt-get install postfix\n"]
    inventory, extra = subject.sources(target, tmp_path)  # type: ignore[arg-type]
    assert inventory == "/nowhere/inventory.yml"
    variables = {"mail_relay_networks": ["192.0.2.0/24"]}
    assert json.loads(Path(extra).read_text()) == {"all": {"hosts": {"x12": variables}}}


def test_a_further_kind_of_host_has_the_variables_of_the_topic(folder: Path, tmp_path: Path) -> None:
    (folder / "vars.yml").write_text("mail_relay_networks: [192.0.2.0/24]\n")
    (folder / "exim").mkdir()
    subject = Subject("mail_relay", folder / "exim", "exim")
    sources = subject.sources(FakeTarget(), tmp_path)  # type: ignore[arg-type]
    assert "192.0.2.0/24" in Path(sources[1]).read_text()
    (folder / "exim" / "vars.yml").write_text("mail_relay_networks: []\n")
    assert "192.0.2.0/24" not in Path(subject.sources(FakeTarget(), tmp_path)[1]).read_text()  # type: ignore[arg-type]


def test_functions_that_subjects_share_are_read_first(folder: Path) -> None:
    (folder.parent / "mail.sh").write_text("packages() { apt-get install; }\n")
    (folder / "prepare.sh").write_text("packages postfix\n")
    target = FakeTarget()
    Subject("mail_relay", folder).prepare(target)  # type: ignore[arg-type]
    assert target.ran == ["packages() { apt-get install; }\n\npackages postfix\n"]


def test_a_script_that_fails_is_said_with_its_last_words(folder: Path) -> None:
    (folder / "prepare.sh").write_text("false\n")
    with pytest.raises(KijunError, match=r"prepare\.sh: could not prepare x12: E: no such package"):
        Subject("mail_relay", folder).prepare(FakeTarget(returncode=100))  # type: ignore[arg-type]


def test_variables_must_be_a_mapping(folder: Path, tmp_path: Path) -> None:
    (folder / "vars.yml").write_text("- 1\n")
    with pytest.raises(KijunError, match=r"vars\.yml: expected a mapping"):
        Subject("mail_relay", folder).sources(FakeTarget(), tmp_path)  # type: ignore[arg-type]
