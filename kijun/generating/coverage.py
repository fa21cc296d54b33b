"""`docs/coverage.md` and `.ja.md`: every requirement of the rulebook and the controls that cover it."""

from __future__ import annotations

from kijun.generating.markdown import NOTICE, page, table
from kijun.standard import Standard
from kijun.standard.coverage import Coverage, Covered, counts, coverage
from kijun.standard.models import Automation
from kijun.standard.words import covered_by, word

_T = {
    "title": ("Coverage of the whole standard", "基準全体の対応状況"),
    "intro": (
        "A control that rests on good practice never counts as covering. A requirement that speaks of more "
        "subjects than the topics of its controls is covered in part. A definition or a scope has nothing "
        "to cover. The sentences are paraphrases for indexing; the text of the standard prevails.",
        "慣行に基づく管理項目は対応済に数えない。管理項目の主題より広い要件は一部対応とする。定義や適用範囲は対象なしとする。文は索引用の要約であり、基準の本文が優先する。",
    ),
    "class": ("automation", "自動化の区分"),
    "total": ("total", "計"),
    "head": (
        ("id", "citation", "automation", "obligation", "paraphrase", "covered by"),
        ("ID", "引用", "自動化", "拘束力", "要約", "対応する管理項目"),
    ),
}


def coverage_page(standard: Standard, lang: str) -> str:
    """Return the page in `lang` ("en" or "ja")."""
    index = 1 if lang == "ja" else 0
    rows = coverage(standard, list(standard.clauses.values()))
    lines = [f"# {_T['title'][index]}", "", NOTICE[lang], "", standard.about.title.say(lang), ""]
    lines += [str(_T["intro"][index]), "", *_counts(rows, lang, index)]
    head = tuple(str(name) for name in _T["head"][index])
    by_id = {row.clause.id: row for row in rows}
    for file in standard.sections.values():
        lines += ["", f"## {file.section} {file.title.say(lang)}", ""]
        lines += table(head, (_row(standard, by_id[clause.id], lang) for clause in file.clauses))
    return page(lines)


def _counts(rows: list[Covered], lang: str, index: int) -> list[str]:
    table_of = counts(rows)
    head = [str(_T["class"][index]), *(word(kind, lang) for kind in Coverage), str(_T["total"][index])]
    body: list[list[object]] = []
    for kind in Automation:
        numbers = [table_of[kind][state] for state in Coverage]
        body.append([word(kind, lang), *numbers, sum(numbers)])
    sums = [sum(table_of[kind][state] for kind in Automation) for state in Coverage]
    body.append([_T["total"][index], *sums, sum(sums)])
    return table(head, body)


def _row(standard: Standard, row: Covered, lang: str) -> list[object]:
    clause = row.clause
    covered = covered_by(standard, row, lang, quote="`")
    return [
        clause.id,
        clause.label,
        word(clause.automation, lang),
        word(clause.obligation, lang),
        clause.paraphrase.say(lang),
        covered,
    ]
