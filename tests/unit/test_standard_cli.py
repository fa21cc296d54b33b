"""`kijun standard`: filters, both languages, machine-readable output, and one sentence for a bad option."""

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from collections import Counter

import pytest
from rich.cells import cell_len

from kijun.cli import run
from kijun.errors import KijunError
from kijun.language import language
from kijun.standard import load_standard
from kijun.standard.coverage import Coverage, Filter, coverage, select
from kijun.standard.models import Automation, Basis, Obligation
from kijun.standard.words import covered_by, word

KIJUN = [sys.executable, "-c", "from kijun.cli import main; main()"]


@pytest.fixture
def kijun(capsys):
    def call(*arguments):
        code = run(["standard", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_clauses_are_plain_lines_in_a_pipe(kijun):
    code, out, _ = kijun("clauses", "--lang", "en")
    lines = out.splitlines()
    assert (code, len(lines)) == (0, 568)
    assert all(line.count("\t") == 4 for line in lines)
    wanted = "Passwords must be sufficiently long (8 characters or more) and hard to guess."
    assert f"S-9.4.2.3\t9(4)②・3\tenforce\tmust\t{wanted}" in lines


def test_the_obligation_stands_beside_the_japanese_paraphrase(kijun):
    code, out, _ = kijun("clauses", "--lang", "ja", "--section", "10", "--obligation", "should")
    assert code == 0
    assert out.splitlines()
    assert all(line.split("\t")[3] == "望ましい" for line in out.splitlines())
    _, out, _ = kijun("clauses", "--lang", "ja", "--topic", "mail_forwarding")
    assert "S-10.1.12.a-1\t" in out
    assert "\t禁止\t" in out


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--automation", "enforce"], 80),
        (["--section", "10"], 173),
        (["--section", "S-10"], 173),
        (["--section", "1"], 1),
        (["--section", "R"], 49),
        (["--section", "A1"], 1),
        (["--obligation", "must_not"], 32),
        (["--topic", "account_lockout"], 1),
        (["--section", "10", "--automation", "enforce"], 67),
        (["--section", "14", "--automation", "enforce"], 0),
    ],
)
def test_filters(kijun, options, count):
    assert len(kijun("clauses", *options)[1].splitlines()) == count
    assert len(json.loads(kijun("coverage", "--format", "json", *options)[1])["clauses"]) == count


def test_topics_in_both_languages(kijun):
    code, english, _ = kijun("topics", "--lang", "en")
    assert (code, len(english.splitlines())) == (0, 26)
    assert english.splitlines()[0].startswith("account_lockout\tAccount lockout\t1\t1\t")
    assert (
        kijun("topics", "--lang", "ja")[1]
        .splitlines()[0]
        .startswith("account_lockout\tアカウントロック\t1\t1\t")
    )


def test_coverage_counts_add_up(kijun):
    data = json.loads(kijun("coverage", "--format", "json")[1])
    assert (data["schema"], data["standard"]) == (1, "osaka-museums")
    assert sum(sum(numbers.values()) for numbers in data["summary"].values()) == 568
    seen = Counter(row["coverage"] for row in data["clauses"])
    assert seen == Counter(
        {state: sum(numbers[state] for numbers in data["summary"].values()) for state in seen}
    )
    assert data["summary"]["none"] == {"covered": 0, "partly": 0, "not_yet": 0, "nothing": 50}
    for row in data["clauses"]:
        assert bool(row["controls"]) == (row["coverage"] in ("covered", "partly"))
        assert bool(row["left"] or row["leaves"]) == (row["coverage"] == "partly")


def test_a_requirement_of_which_a_subject_is_left_is_covered_in_part():
    standard = load_standard()
    rows = {row.clause.id: row for row in coverage(standard, select(standard, Filter()))}
    assert rows["S-10.2.1.b"].left == ("mfa_by_importance",)
    assert rows["S-10.2.1.b"].coverage is Coverage.PARTLY
    assert covered_by(standard, rows["S-10.2.1.b"], "en", "`") == (
        "`password_policy.no_empty_password` (in part; not yet: Two factors by importance)"
    )
    assert covered_by(standard, rows["S-10.2.1.b"], "ja").endswith(
        "（一部対応。未対応：重要度に応じた二要素認証）"
    )
    # What a control itself says that it does not look at.
    assert rows["S-10.1.16.c"].coverage is Coverage.PARTLY
    assert not rows["S-10.1.16.c"].left
    assert covered_by(standard, rows["S-10.1.16.c"], "en") == (
        "wireless.designated_networks (in part; not yet: wired networks, and what a user joins by hand)"
    )
    # What only the heading names is nothing to keep or to break.
    assert "login_banner" in rows["S-10.2.7.b"].clause.subjects
    assert rows["S-10.2.7.b"].coverage is Coverage.COVERED
    # Nor is a requirement without controls covered in part.
    assert not rows["S-10.2.7.a"].left


def test_coverage_text_ends_in_the_counts(kijun):
    _, out, _ = kijun("coverage", "--lang", "ja", "--section", "14")
    assert out.splitlines()[0].split("\t")[3:5] == ["未対応", "禁止"]
    assert out.splitlines()[-1] == "計\t0\t0\t1\t0\t1"


def test_every_control_that_rests_on_a_clause_covers_it():
    standard = load_standard()
    rows = {row.clause.id: row for row in coverage(standard, select(standard, Filter()))}
    for control in standard.controls.values():
        for clause in control.clauses:
            assert (control.id in rows[clause].controls) == (control.basis is Basis.CLAUSE)
    assert rows["S-10.2.7.b"].controls


def test_json_is_utf8_and_complete(kijun):
    data = json.loads(kijun("clauses", "--format", "json", "--section", "9")[1])
    (clause,) = [c for c in data["clauses"] if c["id"] == "S-9.4.2.3"]
    assert clause["paraphrase"]["ja"].startswith("8文字以上")
    assert clause["parameters"] == [
        {"name": "min_length", "value": 8, "unit": "characters"},
        {"name": "complexity_rule", "value": None, "unit": None},
    ]
    topics = json.loads(kijun("topics", "--format", "json")[1])["topics"]
    assert topics[0]["clauses"] == ["S-10.2.7.b"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("clauses --automation magic", "enforce, detect, record, attest, none, found 'magic'"),
        ("coverage --obligation shall", "must, must_not, should, effort, may, none, found 'shall'"),
        ("clauses --section 99", "R, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, A1, found '99'"),
        ("topics --lang fr", "en, ja, found 'fr'"),
        ("topics --format xml", "text, json, found 'xml'"),
    ],
)
def test_a_bad_option_is_one_sentence(kijun, arguments, sentence):
    words = arguments.split()
    assert kijun(*words) == (3, "", f"kijun: {words[1]}: expected one of {sentence}.\n")


def test_an_unknown_topic_is_one_sentence(kijun):
    code, out, err = kijun("coverage", "--topic", "locks")
    assert (code, out) == (3, "")
    assert err.startswith("kijun: --topic: expected one of account_lockout, ")
    assert err.endswith("found 'locks'.\n")


def test_every_word_has_both_languages():
    for member in (*Obligation, *Automation, *Coverage, *Basis):
        assert word(member, "en")
        assert word(member, "ja") != word(member, "en")
    assert word(Obligation.NONE, "ja") == "定義等"
    assert word(Automation.NONE, "ja") == "対象外"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LC_MESSAGES": "ja", "LANG": "de_DE"}, "ja"),
        ({"LANG": "jam_JM.UTF-8"}, "en"),
        ({"LC_ALL": "", "LANG": "ja_JP"}, "ja"),
    ],
)
def test_the_language_is_the_locales(environment, expected):
    assert language(None, environment) == expected


def test_a_language_that_is_asked_for_wins():
    assert language("en", {"LANG": "ja_JP"}) == "en"
    with pytest.raises(KijunError):
        language("", {})


def on_a_terminal(*arguments, columns):
    leader, follower = pty.openpty()
    env = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm", "NO_COLOR": "1"}
    process = subprocess.Popen([*KIJUN, "standard", *arguments], stdout=follower, env=env)
    os.close(follower)
    said = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # Linux: the other end has closed
            break
        if not piece:
            break
        said += piece
    os.close(leader)
    assert process.wait(timeout=60) == 0
    return said.decode().replace("\r\n", "\n")


def test_a_terminal_gets_a_table_that_cuts_nothing_off():
    raw = on_a_terminal("clauses", "--lang", "ja", "--topic", "password_policy", columns=72)
    assert "\x1b[3" not in raw  # no colour
    out = re.sub(r"\x1b\[[0-9;]*m", "", raw)  # bold heads
    lines = [line for line in out.splitlines() if line.strip()]
    assert max(cell_len(line) for line in lines) <= 72
    assert "…" not in out
    start = cell_len(lines[0][: lines[0].index("要約")])  # wide characters keep the columns in line
    text = "".join(cut(line, start).strip() for line in lines)
    assert (
        "特権IDの利用者を必要最小限に絞り、パスワードの漏えい等が起きないようIDとパスワードを厳重に管理する。"
        in text
    )


def cut(line, cells):
    for index in range(len(line) + 1):
        if cell_len(line[:index]) >= cells:
            return line[index:]
    return ""


def test_a_reader_that_goes_away_is_no_error():
    script = f"{shlex.join([*KIJUN, 'standard', 'clauses'])} | head -1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("R-1\t")
    assert done.stderr == ""
