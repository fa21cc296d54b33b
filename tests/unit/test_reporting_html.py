"""The HTML page: whole without a network, both languages, honest counts; what a host says is no markup."""

import base64
import hashlib
import re
import time
from functools import cache
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kijun import reporting
from kijun.checking import Report
from kijun.model import Grade, HostReport, Outcome, Status
from kijun.reporting.html.clauses import Look, chapters, looked_at
from kijun.reporting.html.hosts import to_mend
from kijun.reporting.html.summary import verdict
from kijun.reporting.html.tally import Tally
from kijun.standard import load_standard
from tests.reports import WHEN, museums

STANDARD = load_standard()
HOSTILE = st.text(
    alphabet=st.one_of(st.sampled_from("<>&\"'`=/!-[]{}%#; \n\0\u202e\u3000\udcff"), st.characters()),
    max_size=40,
) | st.sampled_from(
    [
        "</script><script>alert(1)</script>",
        "<!--",
        "]]>",
        "<img src=x onerror=alert(1)>",
        "{{ 7*7 }}",
        "{% x %}",
    ]
)


class Page(HTMLParser):
    """What a browser would see: every element with its attributes' names, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in ("meta", "input", "br", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def page(report: Report, lang: str = "ja") -> str:
    return reporting.render(report, "html", lang)


@pytest.fixture(scope="module")
def seven() -> str:
    return page(museums())


@cache
def harmless() -> list[tuple[str, tuple[str, ...]]]:
    return Page(page(museums(5, topics=("mail_limits",), text="x"))).tags


@given(HOSTILE)
@settings(max_examples=25)
def test_what_hosts_say_is_never_markup(text: str) -> None:
    """With any text in every field the page has the very same elements and attributes."""
    hostile = Page(page(museums(5, topics=("mail_limits",), text=f"x{text}")))
    assert hostile.tags == harmless()
    assert not hostile.open
    assert "\u202e" not in "".join(hostile.words)  # what turns the direction of text


def test_what_hosts_say_is_there_as_text() -> None:
    said = " <b>&amp;</b> \"q\" 'a' 東洋陶磁美術館"
    text = "".join(Page(page(museums(5, text=said))).words)
    assert text.count(said) > 100


def test_bytes_that_are_no_text_do_not_break_it() -> None:
    page(museums(2, text="\udcff\0\x1b[31m")).encode()


def test_nothing_is_loaded_from_anywhere(seven: str) -> None:
    for tag, name, value in Page(seven).attributes:
        assert name not in ("src", "srcset", "action", "style", "background"), tag
        assert not name.startswith("on"), tag
        if name == "href":
            assert value.startswith("#")
    style = re.search(r"<style>(.*?)</style>", seven, re.DOTALL)
    assert style
    assert not re.search(r"url\(|@import|@font-face|expression", style[1])


def test_the_policy_lets_run_only_what_is_in_the_page(seven: str) -> None:
    parsed = Page(seven)
    policy = next(v for tag, name, v in parsed.attributes if tag == "meta" and v.startswith("default-src"))
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        inside = re.findall(f"<{tag}>(.*?)</{tag}>", seven, re.DOTALL)
        assert len(inside) == 1
        digest = base64.b64encode(hashlib.sha256(inside[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_links_lead_somewhere_and_ids_are_unique(seven: str) -> None:
    parsed = Page(seven)
    ids = [value for _, name, value in parsed.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    wanted = {v[1:] for _, name, v in parsed.attributes if name == "href"}
    wanted |= {v for _, name, v in parsed.attributes if name in ("for", "aria-labelledby")}
    assert wanted <= set(ids)


def test_tables_have_heads_and_rows_have_names(seven: str) -> None:
    tables = re.findall(r"<table.*?</table>", seven, re.DOTALL)
    assert len(tables) > 10
    for table in tables:
        head, body = table.split("</thead>")
        columns = head.count('<th scope="col">')
        assert columns >= 2
        for row in re.findall(r"<tr.*?</tr>", body, re.DOTALL):
            assert row.count('<th scope="row">') == 1
            assert len(re.findall(r"<t[dh][ >]", row)) == columns


def test_both_languages_are_complete(seven: str) -> None:
    pairs = re.findall(r'<span lang="en">([^<]*)</span><span lang="ja">([^<]*)</span>', seven)
    assert len(pairs) == seven.count('<span lang="en">') == seven.count('<span lang="ja">') > 1000
    assert all(english.strip() and japanese.strip() for english, japanese in pairs)
    foreign = [english for english, _ in pairs if re.search("[ぁ-ん]{2}", english)]
    assert not [english for english in foreign if "望ましい" not in english]  # a word of the rulebook, cited
    assert '<html lang="ja" data-lang="ja">' in seven
    assert 'value="ja" checked' in seven
    assert '<html lang="en" data-lang="en">' in page(museums(1), "en")


def test_every_requirement_of_the_standard_is_accounted_for(seven: str) -> None:
    report = museums()
    found = chapters(report, STANDARD)
    assert sum(len(one.results) + sum(map(len, one.others.values())) for one in found) == len(
        STANDARD.clauses
    )
    looks = looked_at(report, STANDARD)
    assert looks.total() == len(STANDARD.clauses) == 568
    assert looks[Look.ELSEWHERE] == 0
    assert looks[Look.HERE] == sum(len(one.results) for one in found)
    for clause in STANDARD.clauses.values():
        wanted = clause.automation.value != "none" or clause.id in {
            result.clause.id for chapter in found for result in chapter.results
        }
        assert (f'id="{clause.id}"' in seven) is wanted, clause.id


def test_what_this_check_left_out_is_counted_apart() -> None:
    report = museums(2, topics=("mail_relay",))
    looks = looked_at(report, STANDARD)
    every = looked_at(museums(2), STANDARD)
    assert looks[Look.HERE] < every[Look.HERE]
    assert looks[Look.HERE] + looks[Look.ELSEWHERE] == every[Look.HERE]
    assert "left out of this check" in page(report)
    assert "left out of this check" not in page(museums(2))


def test_what_a_clause_demands_besides_is_said() -> None:
    results = {r.clause.id: r for chapter in chapters(museums(2), STANDARD) for r in chapter.results}
    partial = [one for one in results.values() if one.partial]
    assert 0 < len(partial) < len(results)
    text = page(museums(2), "en")
    assert text.count('class="part"') == len(partial)
    for one in partial:
        assert all(subject.ja in text for subject in one.left)
    alone = chapters(museums(2, topics=("unused_ports",)), STANDARD)
    shared = [r for chapter in alone for r in chapter.results if r.absent]
    assert all(r.partial and r.controls for r in shared)


def test_good_practice_is_in_no_clause() -> None:
    for chapter in chapters(museums(), STANDARD):
        for result in chapter.results:
            assert all(one.control.basis.value == "clause" for one in result.controls)
            assert result.tally.total == sum(one.tally.total for one in result.controls)


def test_obligation_stands_beside_every_paraphrase(seven: str) -> None:
    cited = re.findall(r'<div class="cited">.*?<div class="paraphrase">', seven, re.DOTALL)
    assert len(cited) == 518
    assert all('class="obligation"' in one for one in cited)


def test_grades_are_never_merged_and_proofs_have_their_day() -> None:
    report = museums()
    tally = Tally.of(finding for _, finding in report.findings)
    assert tally.grades[Grade.PROVEN] + tally.grades[Grade.CONFIGURED] == report.count(Status.PASS)
    assert tally.grades[Grade.UNVERIFIED] == report.count(Status.UNKNOWN)
    proven = [f for _, f in report.findings if f.proven_at]
    assert page(report).count("<time datetime=") == 1 + len(proven)


def test_the_worst_stands_for_all() -> None:
    tally = Tally()
    assert tally.worst is Status.UNKNOWN  # nothing is no pass
    for status in (Status.NOT_APPLICABLE, Status.PASS, Status.EXCEPTED, Status.UNKNOWN, Status.FAIL):
        tally.statuses[status] += 1
        assert tally.worst is status


def one_host(*statuses: Status, outcome: Outcome = Outcome.COLLECTED) -> Report:
    real = museums(2).hosts[1].findings
    findings = tuple(
        type(one)(**{**{k: getattr(one, k) for k in one.__slots__}, "status": status})
        for one, status in zip(real, statuses, strict=False)
    )
    return Report("x", WHEN, WHEN, (HostReport("h", outcome, "", 0.1, findings),), ("account_lockout",))


@pytest.mark.parametrize(
    ("report", "status", "said"),
    [
        (one_host(Status.PASS, Status.NOT_APPLICABLE), Status.PASS, "Everything"),
        (one_host(Status.PASS, Status.NOT_APPLICABLE, Status.EXCEPTED), Status.EXCEPTED, "is excepted"),
        (one_host(Status.PASS, Status.FAIL), Status.FAIL, "1 control fails on 1 host."),
        (one_host(Status.PASS, Status.UNKNOWN), Status.UNKNOWN, "1 result of hosts that were read"),
        (one_host(Status.UNKNOWN, outcome=Outcome.DENIED), Status.UNKNOWN, "1 host could not be read."),
        (one_host(), Status.UNKNOWN, "not all could be judged"),
        (museums(), Status.FAIL, "1 host could not be read."),
    ],
)
def test_the_verdict_is_never_better_than_the_worst(report: Report, status: Status, said: str) -> None:
    found = verdict(report)
    assert found.status is status
    assert said in found.en
    text = page(report, "en")
    assert f'class="verdict {status.value}"' in text
    looks = looked_at(report, STANDARD)
    assert f"Looked at: {looks[Look.HERE]} of the standard&#39;s 568 requirements" in text


def test_what_fails_comes_first_and_a_dead_host_is_told_once() -> None:
    mendings = to_mend(museums())
    statuses = [one.first.status for one in mendings]
    assert statuses == sorted(statuses, key=[Status.FAIL, Status.UNKNOWN].index)
    assert all(at.host.outcome is Outcome.COLLECTED for one in mendings for at in one.occurrences)


def test_two_hundred_hosts_cost_no_more_each_than_fifty() -> None:
    page(museums(1))  # what is loaded once
    took = {}
    for count in (50, 200):
        report = museums(count)
        began = time.process_time()
        size = len(page(report))
        took[count] = time.process_time() - began, size
    assert took[200][0] < 4 * took[50][0] * 2
    assert took[200][1] < 4 * took[50][1]


def luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_can_be_told_apart_in_light_and_dark(seven: str) -> None:
    palettes = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", seven, re.DOTALL)[:2]
    ]
    pairs = [
        (name, f"{name}-bg") for name in ("pass", "fail", "unknown", "excepted", "not-applicable", "proven")
    ]
    pairs += [
        (ink, ground) for ink in ("ink", "muted", "accent", "unknown") for ground in ("paper", "surface")
    ]
    for palette in palettes:
        for ink, ground in pairs:
            light, dark = sorted((luminance(palette[ink]), luminance(palette[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)
