"""How every command ends: one sentence, and the exit codes of the contract."""

import subprocess
import sys

import pytest
import typer

from kijun import cli
from kijun.errors import FloorError, KijunError


def run_with(monkeypatch, verb, *arguments):
    """Run a command line in which `verb` is what the verb `try` does."""

    def build_app():
        app = typer.Typer()
        app.callback()(cli._global_options)
        app.command("try")(verb)
        return app

    monkeypatch.setattr(cli, "build_app", build_app)
    return cli.run(["try", *arguments])


def raising(problem):
    def verb() -> None:
        raise problem

    return verb


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_a_verbs_return_value_is_the_exit_code(monkeypatch, code):
    def verb() -> int:
        return code

    assert run_with(monkeypatch, verb) == code


def test_a_verb_without_return_value_succeeds(monkeypatch):
    def verb() -> None:
        pass

    assert run_with(monkeypatch, verb) == 0


@pytest.mark.parametrize(
    ("problem", "code", "said"),
    [
        (KijunError("no host matches; name one."), 3, "kijun: no host matches; name one.\n"),
        (FloorError("6 is below the floor 8."), 3, "kijun: 6 is below the floor 8.\n"),
        (KeyboardInterrupt(), 130, "kijun: stopped by the operator.\n"),
        (typer.Abort(), 130, "kijun: stopped by the operator.\n"),
        (typer.Exit(2), 2, ""),
        (typer.BadParameter("it is text or json", param_hint="--format"), 3,
         "kijun: invalid value for --format: it is text or json; see 'kijun try --help'.\n"),
    ],
)  # fmt: skip
def test_a_problem_is_one_sentence_and_its_exit_code(monkeypatch, capsys, problem, code, said):
    assert run_with(monkeypatch, raising(problem)) == code
    out, err = capsys.readouterr()
    assert (out, err) == ("", said)


@pytest.mark.parametrize("problem", [RuntimeError("broken inside"), BrokenPipeError("a child's pipe")])
def test_a_mistake_in_kijun_is_shown_whole_and_never_looks_like_a_verdict(monkeypatch, capfd, problem):
    assert run_with(monkeypatch, raising(problem)) == cli.INTERNAL_ERROR_EXIT
    err = capfd.readouterr().err
    assert "Traceback" in err
    assert str(problem) in err
    assert cli.INTERNAL_ERROR_EXIT not in range(4)


@pytest.mark.parametrize(
    "arguments",
    [["no-such-verb"], ["--no-such-option"], ["doctor", "--no-such-option"], ["doctor", "surplus"]],
)
def test_what_is_not_understood_is_one_sentence(capsys, arguments):
    assert cli.run(arguments) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("kijun: ")
    assert err.endswith("--help'.\n")
    assert err.count("\n") == 1


def test_without_a_verb_the_help_is_shown_and_it_is_a_usage_error(capsys):
    assert cli.run([]) == 3
    assert "doctor" in "".join(capsys.readouterr())


def test_help_is_no_error(capsys):
    assert cli.run(["--help"]) == 0
    assert "doctor" in capsys.readouterr().out


def test_version_names_kijun_and_what_it_stands_on(capsys):
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("kijun 0.1.0 (ansible-core 2.")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["doctor"]])
def test_a_reader_that_has_gone_ends_it_quietly(arguments):
    command = [sys.executable, "-c", "from kijun.cli import main; main()", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (141, b"")
