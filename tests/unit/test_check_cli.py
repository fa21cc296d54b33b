"""`kijun check` as an operator meets it: options, exit codes, and one sentence for each mistake."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kijun import checking, cli
from kijun.checking import Options, Report
from kijun.model import Finding, Grade, HostReport, Outcome, Status


@pytest.fixture(name="asked")
def asked_(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """Replace the check itself by one that remembers what was asked and fails one control."""
    asked: list[Options] = []

    def check(options: Options, **_: object) -> Report:
        asked.append(options)
        finding = Finding(
            "t.a", "t", ("S-1",), Status.FAIL, Grade.CONFIGURED, "1", "2", "/x", title_ja="題", title_en="T"
        )
        host = HostReport("web", Outcome.COLLECTED, "", 0.1, (finding,))
        now = datetime.now(UTC)
        return Report("s", now, now, (host,), ("t",))

    monkeypatch.setattr(checking, "check", check)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    return asked


def test_options_and_exit_code(asked: list[Options], capsys: pytest.CaptureFixture[str]) -> None:
    chosen = "--limit l --topic t --topic u --forks 5 --timeout 9 --vault-password-file v --format json"
    assert cli.run(f"check -i a -i b {chosen}".split()) == 1
    assert asked == [Options(["a", "b"], "l", ["t", "u"], ["v"], 5, 9.0)]
    assert json.loads(capsys.readouterr().out)["summary"]["exit_code"] == 1


def test_plain_text_in_a_pipe(asked: list[Options], capsys: pytest.CaptureFixture[str]) -> None:
    cli.run(["check", "-i", "a"])
    out, err = capsys.readouterr()
    assert "FAIL" in out
    assert "\x1b" not in out
    assert err == ""


@pytest.mark.parametrize(("no_colour", "coloured"), [("", True), ("1", False)])
def test_colour_on_a_terminal_only(
    asked: list[Options],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    no_colour: str,
    coloured: bool,
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", no_colour)
    cli.run(["check", "-i", "a"])
    assert ("\x1b[31m" in capsys.readouterr().out) is coloured


def test_language(
    asked: list[Options], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cli.run(["check", "-i", "a", "--lang", "ja"])
    assert "不適合" in capsys.readouterr().out
    monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
    cli.run(["check", "-i", "a"])
    assert "題" in capsys.readouterr().out


def test_output_goes_to_the_file_alone(
    asked: list[Options], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.run(["check", "-i", "a", "--format", "junit", "--output", str(tmp_path / "r.xml")]) == 1
    assert capsys.readouterr() == ("", "")
    assert (tmp_path / "r.xml").read_text().startswith("<?xml")


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_html_page_opens_in_the_language_that_was_asked_for(
    asked: list[Options], tmp_path: Path, lang: str
) -> None:
    page = tmp_path / "r.html"
    words = ["check", "-i", "a", "--format", "html", "-o", str(page), "--lang", lang]
    assert cli.run(words) == 1
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert f'<html lang="{lang}"' in text
    assert text.endswith("</html>\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("check", "--inventory"),
        ("check -i a --format pdf", "the formats are: text, json, junit"),
        ("check -i a --lang fr", "the languages are: en, ja"),
        ("check -i a --output /nowhere/at/all", "/nowhere/at"),
        ("check -i a --output /", "folder"),
        ("check -i a --forks 0", "--forks"),
        ("check -i a --timeout soon", "--timeout"),
    ],
)
def test_mistakes_are_refused_before_anything_runs(
    asked: list[Options], capsys: pytest.CaptureFixture[str], arguments: str, words: str
) -> None:
    assert cli.run(arguments.split()) == 3
    out, err = capsys.readouterr()
    assert words in err
    assert out == ""
    assert asked == []


def test_an_unknown_topic_lists_the_topics(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check", "-i", "a", "--topic", "nonsense"]) == 3
    assert "there is no topic nonsense; the topics are: account_lockout" in capsys.readouterr().err


def test_a_missing_inventory_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check", "-i", "/no/such/inventory"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "there is no inventory /no/such/inventory" in err
