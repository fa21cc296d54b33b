"""The words for obligations, automation classes and the like, in English and Japanese."""

from __future__ import annotations

from enum import StrEnum

from kijun.standard import Standard
from kijun.standard.coverage import Coverage, Covered
from kijun.standard.models import Automation, Basis, Obligation, Severity

# The Japanese paraphrases use the plain form for duties, wishes and powers alike, so the obligation is
# always shown beside them.
_BY_MEMBER: tuple[tuple[StrEnum, str, str], ...] = (
    (Obligation.MUST, "must", "義務"),
    (Obligation.MUST_NOT, "must not", "禁止"),
    (Obligation.SHOULD, "should", "望ましい"),
    (Obligation.EFFORT, "effort", "努力義務"),
    (Obligation.MAY, "may", "できる"),
    (Obligation.NONE, "definition", "定義等"),
    (Automation.ENFORCE, "enforce", "設定・検証"),
    (Automation.DETECT, "detect", "検知"),
    (Automation.RECORD, "record", "記録"),
    (Automation.ATTEST, "attest", "人による確認"),
    (Automation.NONE, "none", "対象外"),
    (Coverage.COVERED, "covered", "対応済"),
    (Coverage.PARTLY, "in part", "一部対応"),
    (Coverage.NOT_YET, "not yet", "未対応"),
    (Coverage.NOTHING, "nothing to cover", "対象なし"),
    (Basis.CLAUSE, "clause", "条項"),
    (Basis.PRACTICE, "good practice", "慣行"),
    (Severity.HIGH, "high", "高"),
    (Severity.MEDIUM, "medium", "中"),
    (Severity.LOW, "low", "低"),
)
# By type too: members of different enumerations are equal where their values are ("none").
_WORDS = {(type(member), member): (english, japanese) for member, english, japanese in _BY_MEMBER}


def word(value: StrEnum, lang: str) -> str:
    """Return how `value`, a member of one of the enumerations, is called in `lang` ("ja" or "en")."""
    english, japanese = _WORDS[type(value), value]
    return japanese if lang == "ja" else english


def covered_by(standard: Standard, row: Covered, lang: str, quote: str = "") -> str:
    """Return in words which controls cover a requirement, each between `quote`s, and what of it is left."""
    if not row.controls:
        return word(row.coverage, lang)
    controls = ", ".join(f"{quote}{name}{quote}" for name in row.controls)
    if row.coverage is not Coverage.PARTLY:
        return controls
    titles = [text.say(lang) for text in (*(standard.vocabulary.subjects[s] for s in row.left), *row.leaves)]
    if lang == "ja":
        return f"{controls}（一部対応。未対応：{'、'.join(titles)}）"
    return f"{controls} (in part; not yet: {', '.join(titles)})"
