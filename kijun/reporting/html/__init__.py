"""The report as one HTML file: both languages, no network, and nothing a host says is ever markup or script.

It works without JavaScript (language and filters are style sheet alone); the script adds the search for hosts
and opens what is folded before printing. A Content-Security-Policy lets nothing but these two run.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from kijun import __version__
from kijun.model import Finding, Grade, Outcome, Status
from kijun.reporting.html.clauses import chapters, looked_at, not_yet, practice
from kijun.reporting.html.hosts import glance, host_sections, to_mend
from kijun.reporting.html.summary import bar, verdict
from kijun.reporting.html.tally import ORDER, Tally
from kijun.reporting.html.words import Words, both
from kijun.reporting.text import printable
from kijun.standard import load_standard
from kijun.standard.words import word

if TYPE_CHECKING:
    from kijun.checking import Report
    from kijun.standard.models import Clause

_HERE = Path(__file__).parent


def render(report: Report, lang: str) -> str:
    """Return the page; it opens in `lang` ("ja" or "en") and can be switched to the other."""
    environment = _environment()
    style, script = (_own(name) for name in ("page.css", "page.js"))
    template = environment.get_template("page.html.j2")
    return template.render(
        lang=lang,
        style=style,
        script=script,
        policy=_policy(style, script),
        version=__version__,
        **_content(environment, report),
    )


def _content(environment: Environment, report: Report) -> dict[str, Any]:
    standard, hosts = load_standard(), host_sections(report)
    found = chapters(report, standard)
    outcomes = Counter(host.outcome for host in report.hosts)
    return {
        "report": report,
        "about": standard.about,
        "clauses": standard.clauses,
        "controls": standard.controls,
        "topics": {slug: topic.title for slug, topic in standard.about.topics.items()},
        "order": ORDER,
        "verdict": verdict(report),
        "tally": Tally.of(finding for _, finding in report.findings),
        "outcomes": [(outcome, outcomes[outcome]) for outcome in Outcome if outcomes[outcome]],
        "unread": [section for section in hosts if section.host.outcome is not Outcome.COLLECTED],
        "looked_at": looked_at(report, standard),
        "chapters": found,
        "partial": sum(result.partial for chapter in found for result in chapter.results),
        "not_yet": not_yet(found),
        "practice": practice(report, standard),
        "mend": to_mend(report),
        "glance": glance(report),
        "hosts": hosts,
        "named": _namer(environment, standard.clauses),
    }


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(shown=printable, local=_local)
    environment.globals.update(bar=bar, both=both, say=Words(), word=word)
    environment.globals.update(as_grade=Grade, as_status=Status)
    return environment


def _local(moment: datetime | str) -> datetime:
    """Return a moment (or its ISO 8601 form) in this control node's time zone: where the report is made."""
    return (datetime.fromisoformat(moment) if isinstance(moment, str) else moment).astimezone()


def _namer(environment: Environment, clauses: Mapping[str, Clause]) -> Callable[[Finding], str]:
    """Return what names a finding's control. It is rendered once for each control, not once for each host."""
    template = environment.get_template("named.html.j2")
    known: dict[str, Markup] = {}

    def named(finding: Finding) -> Markup:
        if finding.control not in known:
            text = template.render(finding=finding, clauses=clauses)
            known[finding.control] = Markup(text)  # noqa: S704 - the template has escaped it
        return known[finding.control]

    return named


def _own(name: str) -> Markup:
    return Markup((_HERE / name).read_text(encoding="utf-8"))  # noqa: S704 - kijun's own file


def _policy(style: str, script: str) -> str:
    """Return the page's Content-Security-Policy (CSP Level 3): these two texts, and no network."""
    allowed = f"style-src {_source(style)}; script-src {_source(script)}"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
