"""What an exception is worth: who permitted it, until when, where; and what never excepts anything."""

import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kijun.checking import Options, assemble
from kijun.errors import KijunError
from kijun.exceptions import applying, judging, standing_of
from kijun.exceptions.judging import Granted, Standing, judge_register, stand
from kijun.exceptions.listing import choose, details, find, list_register, render
from kijun.exceptions.models import ExceptionFile, State
from kijun.exceptions.register import RegisterError, load_register
from kijun.exceptions.writing import Application, write_new
from kijun.inventory import Matched
from kijun.model import Finding, Grade, HostReport, Outcome, RemarkKind, Status
from kijun.standard import load_standard
from tests.unit.registered import PERMITTED

EXAMPLE = Path(__file__).parents[2] / "inventory/example"
DAY = date(2026, 11, 25)
PERSONS = {
    "chief": {"roles": ["ciso"]},
    "unit": {"roles": ["unit_ciso"]},
    "both": {"roles": ["unit_ciso", "ciso"]},
    "net": {"roles": ["organisation_network_manager"]},
    "staff": {"roles": ["system_staff"]},
}
EMERGENCY = {
    **{key: value for key, value in PERMITTED.items() if not key.startswith("decided")},
    "state": "emergency",
    "applied_on": "2026-11-25",
}
REPORTED = {"reported_to": "chief", "reported_on": "2026-11-25"}
FORWARDING = {
    **{key: value for key, value in PERMITTED.items() if key != "controls"},
    "forwarding": {"from": "loans@museums.example", "to": "loans@partner.example"},
    "applicant": "staff",
    "decided_by": "net",
}


def without(values: dict[str, object], *keys: str) -> dict[str, object]:
    return {key: value for key, value in values.items() if key not in keys}


def inventory(folder: Path, *, settings: str = "", **entries: object) -> Path:
    (folder / "exceptions").mkdir(exist_ok=True)
    (folder / "hosts.yml").write_text("web: {hosts: {web1: {}, web2: {}}}\n")
    (folder / "persons.yml").write_text(yaml.safe_dump({"persons": PERSONS}))
    if settings:
        (folder / "exceptions/register.yml").write_text(settings)
    for name, values in entries.items():
        text = values if isinstance(values, str) else yaml.safe_dump(values)
        (folder / f"exceptions/{name}.yml").write_text(text)
    return folder / "hosts.yml"


def judged(folder: Path, values: object, *, settings: str = "", matched: Matched | None = None):
    """Return whether the entry counts, and its remarks as (kind, clauses, text)."""
    register = load_register([str(inventory(folder, settings=settings, one=values))])
    matches = {
        entry.file.hosts: matched or Matched(frozenset({"web1", "web2"})) for entry in register.entries
    }
    standard = load_standard()
    (found,) = judge_register(register, standard.procedures, standard.controls, matches, day=DAY)
    return found.counts, [(remark.kind, remark.clauses, remark.text) for remark in found.remarks]


FIND, OPEN, SOON = RemarkKind.FINDING, RemarkKind.OPEN, RemarkKind.EXPIRING
CASES = {
    # what is written: (values, does it count, [(kind, clause or "" for practice, a word of the sentence)])
    "permitted": (PERMITTED, True, []),
    "by the network manager": (PERMITTED | {"applicant": "net"}, True, []),
    "last day": (PERMITTED | {"expires_on": "2026-11-25"}, True, [(SOON, "", "in 0 days")]),
    "ends tomorrow": (PERMITTED | {"expires_on": "2026-11-26"}, True, [(SOON, "", "in 1 day.")]),
    "in 30 days": (PERMITTED | {"expires_on": "2026-12-25"}, True, [(SOON, "", "in 30 days")]),
    "in 31 days": (PERMITTED | {"expires_on": "2026-12-26"}, True, []),
    "over": (PERMITTED | {"expires_on": "2026-11-24"}, False, [(FIND, "", "counts no longer")]),
    "without end": (without(PERMITTED, "expires_on"), True, [(FIND, "", "our practice")]),
    "by nobody": (without(PERMITTED, "decided_by"), False, [(FIND, "S-11.4.1", "without decided_by")]),
    "on no day": (without(PERMITTED, "decided_on"), False, [(FIND, "S-11.4.1", "without decided_on")]),
    "by no CISO": (PERMITTED | {"decided_by": "net"}, False, [(FIND, "S-11.4.1", "is not ciso")]),
    "by a stranger": (PERMITTED | {"decided_by": "who"}, False, [(FIND, "S-11.4.1", "is not ciso")]),
    "by oneself": (
        PERMITTED | {"applicant": "both", "decided_by": "both"}, False, [(FIND, "S-11.4.1", "their own")]
    ),
    "for staff": (PERMITTED | {"applicant": "staff"}, False, [(FIND, "S-11.4.1", "staff applied")]),
    "tomorrow": (PERMITTED | {"decided_on": "2026-11-26"}, False, [(FIND, "S-11.4.1", "in the future")]),
    "too early": (PERMITTED | {"decided_on": "2026-10-31"}, False, [(FIND, "S-11.4.1", "before it was")]),
    "unknown control": (PERMITTED | {"controls": ["a.b"]}, True, [(FIND, "", "no control a.b")]),
    "applied": (
        without(PERMITTED, "decided_by", "decided_on") | {"state": "applied"},
        False,
        [(OPEN, "S-11.4.1", "waits")],
    ),
    "applied by staff": (
        without(PERMITTED, "decided_by", "decided_on") | {"state": "applied", "applicant": "staff"},
        False,
        [(FIND, "S-11.4.1", "staff applied")],
    ),
    "refused": (PERMITTED | {"state": "refused"}, False, []),
    "refused by nobody": (
        without(PERMITTED, "decided_by") | {"state": "refused"},
        False,
        [(FIND, "S-11.4.1", "refused without")],
    ),
    "withdrawn": (PERMITTED | {"state": "withdrawn", "expires_on": "2020-01-01"}, False, []),
    "emergency": (EMERGENCY, True, [(OPEN, "S-11.4.2", "not yet reported")]),
    "emergency, a day on": (EMERGENCY | {"applied_on": "2026-11-24"}, True, [(OPEN, "S-11.4.2", "not yet")]),
    "emergency, late": (EMERGENCY | {"applied_on": "2026-11-23"}, True, [(FIND, "S-11.4.2", "not yet")]),
    "emergency, reported": (EMERGENCY | REPORTED, True, []),
    "emergency, told others": (
        EMERGENCY | REPORTED | {"reported_to": "unit"}, True, [(FIND, "S-11.4.2", "who is not ciso")]
    ),
    "emergency of staff": (
        EMERGENCY | REPORTED | {"applicant": "staff"}, False, [(FIND, "S-11.4.2", "is not unit_ciso")]
    ),
    "emergency over": (
        EMERGENCY | REPORTED | {"applied_on": "2026-11-01", "expires_on": "2026-11-24"},
        False,
        [(FIND, "", "no longer")],
    ),
    "forwarding": (FORWARDING, True, []),
    "forwarding by the CISO": (
        FORWARDING | {"decided_by": "chief"},
        False,
        [(FIND, "S-10.1.12.a-2", "is not net")],
    ),
    "forwarding by oneself": (
        FORWARDING | {"applicant": "net"},
        False,
        [(FIND, "S-10.1.12.a-2", "their own")],
    ),
    "forwarding for a stranger": (
        FORWARDING | {"applicant": "who"},
        False,
        [(FIND, "", "nobody in persons.yml")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_counts_and_what_is_said(case: str, tmp_path: Path) -> None:
    values, counts, remarks = CASES[case]
    found, said = judged(tmp_path, values)
    assert [(kind, clauses[0] if clauses else "") for kind, clauses, _ in said] == [r[:2] for r in remarks]
    assert all(word in text for (_, _, text), (_, _, word) in zip(said, remarks, strict=True)), said
    assert found is counts


def test_an_expiry_can_be_switched_off_but_not_for_mail(tmp_path: Path) -> None:
    endless, optional = without(PERMITTED, "expires_on"), "expiry: optional\n"
    assert judged(tmp_path, endless, settings=optional) == (True, [])
    _, said = judged(tmp_path, without(FORWARDING, "expires_on"), settings=optional)
    assert said[0][0] is FIND


def test_a_host_that_is_not_there_is_a_finding_and_the_rest_counts(tmp_path: Path) -> None:
    counts, said = judged(tmp_path, PERMITTED, matched=Matched(frozenset({"web1"}), ("web9",)))
    assert counts
    assert [(kind, "web9" in text) for kind, _, text in said] == [(FIND, True)]
    _, said = judged(tmp_path, PERMITTED, matched=Matched())
    assert said[0][0] is FIND


BAD = {
    "no mapping": ("- a\n", "expected a mapping"),
    "no yaml": ("a: [\n", "expected valid YAML"),
    "twice": ("hosts: a\nhosts: b\n", "every key once"),
    "unknown key": (PERMITTED | {"approver": "x"}, "approver: expected no such key"),
    "missing": (without(PERMITTED, "reason"), "reason: expected this key"),
    "state": (PERMITTED | {"state": "fine"}, "state: expected one of"),
    "date": (PERMITTED | {"expires_on": 20270331}, "expires_on: expected a date"),
    "time": (PERMITTED | {"expires_on": "2027-03-31T00:00:00"}, "expires_on: expected a date"),
    "no such day": (PERMITTED | {"expires_on": "2027-02-30"}, "expires_on: expected"),
    "control": (PERMITTED | {"controls": ["*"]}, "controls[0]: expected a name"),
    "both": (FORWARDING | {"controls": ["a.b"]}, "found both"),
    "neither": (without(PERMITTED, "controls"), "found neither"),
    "decided and not": (PERMITTED | {"state": "applied"}, "the state permitted or refused"),
    "half reported": (EMERGENCY | {"reported_to": "chief"}, "reported_to together"),
    "mail in an emergency": (
        without(FORWARDING, "decided_by", "decided_on") | {"state": "emergency"}, "S-10.1.12.a-2"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_malformed_register_is_one_sentence(case: str, tmp_path: Path) -> None:
    values, words = BAD[case]
    with pytest.raises(KijunError) as refused:
        assemble(Options([str(inventory(tmp_path, one=values))]))
    assert refused.value.exit_code == 3
    assert words in str(refused.value)
    assert "one.yml" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_file_of_persons_must_be_there_and_right(tmp_path: Path) -> None:
    source = inventory(tmp_path, one=PERMITTED)
    (tmp_path / "persons.yml").write_text("persons: {chief: {roles: [emperor]}}\n")
    with pytest.raises(RegisterError, match=r"persons.chief.roles.*'emperor'"):
        load_register([str(source)])
    (tmp_path / "persons.yml").unlink()
    with pytest.raises(RegisterError, match=r"persons\.yml: expected the persons"):
        load_register([str(source)])


def finding(status: Status, control: str = "account_lockout.threshold") -> Finding:
    return Finding(control, "account_lockout", (), status, Grade.CONFIGURED, "5", "none", "/etc/x")


@pytest.mark.parametrize("status", Status)
def test_only_a_fail_is_excepted(status: Status) -> None:
    granted = Standing({"h": {"account_lockout.threshold": Granted("e", "why")}})
    report = HostReport(
        "h", Outcome.COLLECTED, "", 0.1, (finding(status), finding(status, "account_lockout.root"))
    )
    first, other = applying.apply(report, granted).findings
    assert first.status is (Status.EXCEPTED if status is Status.FAIL else status)
    assert (first.exception, first.reason) == (("e", "why") if status is Status.FAIL else ("", ""))
    assert other.status is status
    assert applying.apply(HostReport("else", Outcome.COLLECTED, "", 0.1, (first,)), granted).findings == (
        first,
    )


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.dates()
    | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
changed = st.dictionaries(st.sampled_from([*ExceptionFile.model_fields, "from", "x"]), plain, max_size=3)


@given(changed, st.sampled_from([PERMITTED, EMERGENCY, FORWARDING]))
def test_whatever_is_written_is_refused_or_judged(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[str, object], base: dict[str, object]
) -> None:
    """Never another exception of Python, and nothing without a permission or an emergency counts."""
    folder = tmp_path_factory.mktemp("any")
    try:
        register = load_register([str(inventory(folder, one=base | changes))])
    except KijunError:
        return
    standard = load_standard()
    for one in judge_register(register, standard.procedures, standard.controls, {}, day=DAY):
        file = one.entry.file
        if one.counts and file.state is not State.EMERGENCY:
            assert file.state is State.PERMITTED
            assert file.decided_by in ("chief", "both") or (file.forwarding and file.decided_by == "net")


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    source = inventory(tmp_path_factory.mktemp("bytes"))
    (source.parent / "exceptions/one.yml").write_bytes(content)
    with pytest.raises(KijunError):
        load_register([str(source)])


@pytest.mark.parametrize(
    ("pattern", "hosts", "unknown"),
    [
        ("web", {"web1", "web2"}, ()),
        ("web1", {"web1"}, ()),
        ("web:!web1", {"web2"}, ()),
        ("web1,web9", {"web1"}, ("web9",)),
        ("web*:&web2", {"web2"}, ()),
        ("~web[12]", {"web1", "web2"}, ()),
        ("localhost", set(), ("localhost",)),
        ("~(", set(), ("~(",)),
    ],
)
def test_hosts_are_ansibles_patterns_whatever_the_limit(
    pattern: str, hosts: set[str], unknown: tuple[str, ...], tmp_path: Path
) -> None:
    source = inventory(tmp_path, one=PERMITTED | {"hosts": pattern, "expires_on": "2099-01-01"})
    standing = assemble(Options([str(source)], limit="web1")).standing
    assert set(standing.granted) == hosts
    assert [all(part in r.text for part in unknown) for r in standing.remarks] == ([True] if unknown else [])


@pytest.fixture
def example_day(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("kijun.exceptions", "kijun.exceptions.listing", "kijun.exceptions.forwardings"):
        monkeypatch.setattr(f"{module}.today", lambda: DAY)


def test_the_example_has_one_of_each_and_nothing_is_wrong(example_day: None) -> None:
    listed = list_register(Options([str(EXAMPLE)]))
    assert listed.exit_code == 0
    assert {one.entry.file.state.value for one in listed.judged} == {"permitted", "refused", "emergency"}
    assert not [remark for one in listed.judged for remark in one.remarks]
    fleet = assemble(Options([str(EXAMPLE)]))
    assert set(fleet.standing.granted) == {"fine-arts-catalogue", "science-mail"}
    approved = {host.name: host.params["mail_forwarding_approved"] for host in fleet.hosts}
    assert approved["login-1"] == []
    assert approved["mail-1"] == [
        {
            "from": "loans@fine-arts.museums.example",
            "to": "loans@partner-museum.example",
            "approver": "network-manager",
            "until": "2027-03-31",
            "reason": "The shared office of a travelling exhibition",
        }
    ]


def test_the_list_tells_what_counts(example_day: None) -> None:
    listed = list_register(Options([str(EXAMPLE)]))
    assert "refused    does not count" in render(listed.judged, "text")
    assert [one.entry.id for one in choose(listed, ["refused"])] == ["tickets-short-passwords"]
    assert choose(listed, expiring_within=30) == []
    assert len(choose(listed, expiring_within=126)) == 3
    with pytest.raises(KijunError, match="there is no state fine"):
        choose(listed, ["fine"])
    with pytest.raises(KijunError, match="there is no exception x"):
        find(listed, "x")
    assert "館等情報セキュリティ責任者" in details(find(listed, "loans-forwarding"), listed.register, "ja")


def test_new_writes_once_and_only_what_is_known(tmp_path: Path) -> None:
    copy = shutil.copytree(EXAMPLE, tmp_path / "museums")
    options = Options([str(copy)])
    whole = Application(
        "new-1", "tickets", "why: #", "unit-ciso-science", ("account_lockout.root",), expires_on="2027-01-31"
    )
    path = write_new(whole, options)
    assert yaml.safe_load(path.read_text())["state"] == "applied"
    before = path.read_bytes()
    with pytest.raises(KijunError, match="is there already"):
        write_new(whole, options)
    assert path.read_bytes() == before
    for change, words in (
        ({"controls": ("account_lockout.none",)}, "there is no control"),
        ({"applicant": "who"}, "is nobody in"),
        ({"hosts": "nowhere"}, "no host or group nowhere"),
        ({"id": "../x"}, "is no id"),
        ({"expires_on": None}, "--expires-on"),
        ({"expires_on": "soon"}, "is no date"),
        ({"controls": ()}, "controls"),
    ):
        values = {key: getattr(whole, key) for key in whole.__slots__} | {"id": "new-2"} | change
        with pytest.raises(KijunError, match=words):
            write_new(Application(**values), options)
    assert sorted(p.name for p in (copy / "exceptions").iterdir()) == sorted(
        [p.name for p in (EXAMPLE / "exceptions").iterdir()] + ["new-1.yml"]
    )


def test_without_a_register_nothing_is_excepted(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("web: {hosts: {web1: {}}}\n")
    register = load_register([str(tmp_path / "hosts.yml"), "a,b"])
    assert standing_of(register, {}) == Standing()
    assert stand([]) == Standing()
    assert judging.patterns(register) == []
