"""JUnit XML for CI systems: a suite per host, a test case per control; and a suite for the remarks.

A fail is a failure, unknown is an error, not applicable and excepted are skipped (what is excepted has a
property, too). Source of the format: the schema that Jenkins and GitLab accept (testsuites/testsuite/testcase
with failure, error, skipped).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from kijun.model import Finding, HostReport, Outcome, RemarkKind, Status

if TYPE_CHECKING:
    from kijun.checking import Report

# XML 1.0, section 2.2: everything that is not a Char
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ELEMENTS = {
    Status.FAIL: "failure",
    Status.UNKNOWN: "error",
    Status.NOT_APPLICABLE: "skipped",
    Status.EXCEPTED: "skipped",
}


def render(report: Report) -> str:
    """Return the report as an XML document."""
    root = ET.Element("testsuites", name=f"kijun {_clean(report.standard)}")
    for host in report.hosts:
        root.append(_suite(host, report.started.strftime("%Y-%m-%dT%H:%M:%S")))
    if report.remarks:
        root.append(_remarks(report))
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(host: HostReport, started: str) -> ET.Element:
    suite = ET.Element("testsuite", name=_clean(host.name), timestamp=started, time=f"{host.seconds:.3f}")
    if host.outcome is not Outcome.COLLECTED and not host.findings:
        case = ET.SubElement(suite, "testcase", classname="kijun", name="read")
        ET.SubElement(case, "error", message=_clean(f"{host.outcome}: {host.reason}"))
    for finding in host.findings:
        suite.append(_case(finding))
    return _counted(suite)


def _remarks(report: Report) -> ET.Element:
    """Return what is to be said of the register: a finding is a failure, the others are skipped."""
    started = report.started.strftime("%Y-%m-%dT%H:%M:%S")
    suite = ET.Element("testsuite", name="register", timestamp=started, time="0.000")
    for remark in report.remarks:
        case = ET.SubElement(suite, "testcase", classname=remark.about, name=_clean(remark.subject))
        element = "failure" if remark.kind is RemarkKind.FINDING else "skipped"
        child = ET.SubElement(case, element, message=_clean(f"{remark.kind}: {remark.text}"))
        basis = ", ".join(remark.clauses) or "good practice, no clause of the standard"
        child.text = _clean(f"{remark.about}: {remark.subject}\nrests on: {basis}\nsource: {remark.source}")
    return _counted(suite)


def _counted(suite: ET.Element) -> ET.Element:
    suite.set("tests", str(len(suite)))
    for key, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(len(suite.findall(f"testcase/{element}"))))
    return suite


def _case(finding: Finding) -> ET.Element:
    name = finding.control.partition(".")[2] or finding.control
    case = ET.Element("testcase", classname=_clean(finding.topic), name=_clean(name))
    if finding.status is Status.EXCEPTED:
        properties = ET.SubElement(case, "properties")
        for key, value in (("status", finding.status.value), ("exception", finding.exception)):
            ET.SubElement(properties, "property", name=key, value=_clean(value))
    if element := _ELEMENTS.get(finding.status):
        why = finding.reason or f"expected {finding.expected}, found {finding.actual}"
        child = ET.SubElement(case, element, message=_clean(why))
        child.text = _clean(_details(finding))
    return case


def _details(finding: Finding) -> str:
    basis = (
        ", ".join(finding.clauses)
        if finding.basis == "clause"
        else "good practice, no clause of the standard"
    )
    rows = (
        ("control", finding.control),
        ("rests on", basis),
        ("obligation", finding.obligation if finding.basis == "clause" else ""),
        ("expected", finding.expected),
        ("actual", finding.actual),
        ("source", finding.source),
        ("reason", finding.reason),
    )
    return "\n".join(f"{label}: {value}" for label, value in rows if value)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
