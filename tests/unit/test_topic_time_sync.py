"""time_sync on what real hosts said, and on the same with one thing changed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kijun.model import CommandResult, HostState, Status
from kijun.parsers.timekeeping import TimeError, chrony_clock, ntpq_clock, timesyncd_clock
from kijun.topics._time_reads import CONFIG, NOW, STRANGERS, UNITS
from kijun.topics.time_sync import TOPIC, judge

DATA = Path(__file__).parent / "data/time_sync"
READS = {"units": UNITS, "config": CONFIG, "now": NOW}
CONTROLS = {
    f"time_sync.{name}"
    for name in (
        *("accuracy", "reachable", "one_daemon", "sources", "serving"),
        *("configuration_protected", "in_force"),
    )
}
PARAMS = {
    "time_sync_servers": ["192.0.2.123"],
    "time_sync_serve_networks": [],
    "time_sync_max_offset_ms": 100,
    "time_sync_max_skew_ms": 500,
}
VM = {**PARAMS, "time_sync_servers": ["10.202.10.184"]}
CHRONY = ["chrony-12", "chrony-13"]
OTHERS = ["timesyncd-12", "ntpsec-12"]


READ_AT = {"timesyncd-12": 1795576428, "ntpsec-12": 1795572315}


def params_of(host):
    servers = {"timesyncd-12": ["10.202.10.107"], "ntpsec-12": ["10.202.10.184"]}
    return {**PARAMS, "time_sync_servers": servers.get(host, PARAMS["time_sync_servers"])}


def texts_of(host):
    return {kind: (DATA / f"{host}.{kind}").read_text(encoding="utf-8") for kind in READS}


def judged(texts, params, read_at=1795571950):
    commands = {
        read.name: CommandResult(read.name, 0, texts[kind].encode("utf-8", "surrogateescape"))
        for kind, read in READS.items()
    }
    state = HostState(files={}, commands=commands, read_at=read_at)
    return {verdict.control: verdict for verdict in judge(state, params)}


def of_host(host, params=None, *, read_at=None, **changes):
    """Judge what `host` said, with (old, new) replaced in the reads named."""
    texts = texts_of(host)
    for kind, changed in changes.items():
        for old, new in changed if isinstance(changed, list) else [changed]:
            assert old in texts[kind], f"{old!r} is not in the captured {kind}"
            texts[kind] = texts[kind].replace(old, new)
    return judged(texts, params or params_of(host), read_at or READ_AT.get(host, 1795571950))


def with_status(verdicts, status):
    return {name.partition(".")[2] for name, verdict in verdicts.items() if verdict.status is status}


def failing(verdicts):
    return with_status(verdicts, Status.FAIL)


MACHINE = {**PARAMS, "time_sync_servers": ["10.202.10.107"]}


def test_a_virtual_machine_with_chrony_passes_and_one_that_only_measures_does_not():
    verdicts = of_host("vm-12", MACHINE)
    assert with_status(verdicts, Status.PASS) == {name.partition(".")[2] for name in CONTROLS}
    assert verdicts["time_sync.accuracy"].actual == (
        "off by 0.147 ms, give or take 4.547 ms, by 10.202.10.107"
    )
    assert failing(of_host("vm-12", MACHINE, now=("chronyd -F 1", "chronyd -x -F 1"))) == {"one_daemon"}


@pytest.mark.parametrize("host", [*CHRONY, "timesyncd-12"])
def test_a_host_that_keeps_time_passes(host):
    verdicts = of_host(host)
    assert set(verdicts) == CONTROLS
    assert with_status(verdicts, Status.PASS) == {name.partition(".")[2] for name in CONTROLS}, verdicts


def test_ntpsec_as_debian_configures_it_answers_everybody_and_else_passes():
    assert failing(of_host("ntpsec-12")) == {"serving"}
    closed = of_host(
        "ntpsec-12", config=("restrict default kod nomodify noquery limited", "restrict default ignore")
    )
    assert not failing(closed)
    one_family = "restrict -4 default ignore\nrestrict -6 default limited"
    assert failing(
        of_host("ntpsec-12", config=("restrict default kod nomodify noquery limited", one_family))
    ) == {"serving"}


def test_a_container_whose_clock_is_its_machine_s_has_nothing_to_keep():
    verdicts = of_host("container-12")
    assert with_status(verdicts, Status.NOT_APPLICABLE) == {name.partition(".")[2] for name in CONTROLS}
    assert "container (systemd-nspawn)" in verdicts["time_sync.accuracy"].reason


def test_the_same_host_with_a_clock_of_its_own_has_to_keep_it():
    verdicts = of_host("container-12", units=("bounding 00000000fcecbfff", "bounding 000001ffffffffff"))
    assert failing(verdicts) == {"accuracy", "reachable", "one_daemon", "sources", "in_force"}


def test_in_a_user_namespace_the_capability_is_not_the_machine_s():
    units = [
        ("bounding 00000000fcecbfff", "bounding 000001ffffffffff"),
        ("users 0 0 4294967295", "users 0 100000 65536"),
    ]
    verdicts = of_host("container-12", units=units)
    assert not failing(verdicts)
    assert verdicts["time_sync.accuracy"].status is Status.NOT_APPLICABLE


def test_a_chronyd_that_only_measures_keeps_no_clock_that_is_the_host_s_own():
    verdicts = of_host("chrony-12", units=("bounding 00000000fcecbfff", "bounding 000001ffffffffff"))
    assert failing(verdicts) == {"one_daemon"}


SOURCE = "^,*,192.0.2.123,8,6,"
SECOND = SOURCE.replace("*", "+").replace("123", "124") + "377,9,0,0,0\n"
LISTENS = ("@files", "UNCONN 0 0 0.0.0.0:123 0.0.0.0:* x\n@files")
CONF, DEFAULT = " 644 0 0 /etc/chrony/chrony.conf", " 644 0 0 /etc/default/chrony"
CHANGES = [  # what is said instead, and the controls that must then fail
    ({"reachable", "sources"}, {"now": (SOURCE, "^,?,192.0.2.9,8,6,0,9,0,0,0\n" + SOURCE)}),
    ({"accuracy"}, {"now": (",Normal", ",Not synchronised")}),
    ({"one_daemon"}, {"units": ("ActiveState=inactive", "ActiveState=active")}),
    ({"one_daemon"}, {"units": ("UnitFileState=enabled", "UnitFileState=disabled")}),
    (
        {"one_daemon"},
        {"units": ("LoadState=not-found\nActiveState=inactive\nUnitFileState=\n",
                   "LoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\n")},
    ),
    ({"one_daemon"}, {"now": ("@sockets", " 4026532227    99  1  9 a.service  /usr/sbin/ntpd -g\n@sockets")}),
    ({"sources"}, {"now": (SOURCE, SECOND + SOURCE)}),
    ({"serving"}, {"now": LISTENS}),
    ({"serving"}, {"now": [LISTENS, ("209 ", "208 ")]}),
    (
        {"serving"},
        {"now": LISTENS, "config": ("@chrony", "@chrony\nallow 10.2.0.0/16")},
    ),
    ({"configuration_protected"}, {"now": (" 755 0 0 /etc/chrony/conf.d", " 777 0 0 /etc/chrony/conf.d")}),
    ({"configuration_protected"}, {"now": (CONF, CONF.replace(" 0 0 ", " 9 0 "))}),
    ({"in_force"}, {"now": (DEFAULT, f" 644 0 0 /x\n9999999999.0{DEFAULT}")}),
    ({"in_force"}, {"now": ("chronyd -x -F 1", "chronyd -x -F 1 -f /etc/other.conf")}),
]  # fmt: skip


@pytest.mark.parametrize(("controls", "changes"), CHANGES, ids=range(len(CHANGES)))
@pytest.mark.parametrize("host", CHRONY)
def test_what_is_wrong_fails(host, controls, changes):
    space = texts_of(host)["now"].split()[1]
    changes = {
        kind: [
            (old, new.replace("4026532227", space))
            for old, new in (what if isinstance(what, list) else [what])
        ]
        for kind, what in changes.items()
    }
    if "ActiveState=active" in str(changes.get("units", "")):
        texts = texts_of(host)
        texts["units"] = texts["units"].replace("ActiveState=inactive", "ActiveState=active", 1)
        assert failing(judged(texts, PARAMS)) == controls
        return
    assert failing(of_host(host, **changes)) == controls


def test_a_measured_offset_counts_with_its_error():
    assert not failing(
        of_host(
            "ntpsec-12",
            {**VM, "time_sync_max_offset_ms": 37},
            config=("restrict default", "restrict default ignore"),
        )
    )
    tight = of_host("ntpsec-12", {**VM, "time_sync_max_offset_ms": 36})
    assert "accuracy" in failing(tight)
    assert tight["time_sync.accuracy"].actual == "off by 1.398 ms, give or take 34.878 ms, by 10.202.10.184"


def test_what_timesyncd_measured_long_ago_is_worth_less():
    assert "accuracy" not in failing(of_host("timesyncd-12"))
    later = of_host("timesyncd-12", read_at=READ_AT["timesyncd-12"] + 7200)
    assert {"accuracy", "reachable"} <= failing(later)


def test_a_daemon_that_has_just_begun_is_not_judged_yet():
    texts = texts_of("chrony-12")
    begun = [line for line in texts["now"].splitlines() if "chrony.service" in line]
    for line in begun:
        words = line.split()
        texts["now"] = texts["now"].replace(
            line, f"{words[0]} {words[1]} {words[2]} 3 " + " ".join(words[4:])
        )
    texts["now"] = texts["now"].replace(",Normal", ",Not synchronised")
    verdicts = judged(texts, PARAMS)
    assert verdicts["time_sync.accuracy"].status is Status.UNKNOWN
    assert "started 3 s ago" in verdicts["time_sync.accuracy"].reason


def test_a_master_serves_its_networks_and_nobody_else():
    master = {**PARAMS, "time_sync_serve_networks": ["10.202.10.0/24"]}
    assert not failing(of_host("master-13", master))
    assert failing(of_host("master-13")) == {"serving"}
    assert failing(of_host("master-13", {**master, "time_sync_serve_networks": ["10.202.10.0/25"]})) == {
        "serving"
    }
    forgotten = {**master, "time_sync_serve_networks": ["10.202.10.0/24", "10.9.0.0/16"]}
    assert "not answered" in of_host("master-13", forgotten)["time_sync.serving"].actual
    alone = of_host("master-13", {**master, "time_sync_servers": []})
    assert alone["time_sync.accuracy"].status is Status.NOT_APPLICABLE
    assert "master" in alone["time_sync.accuracy"].reason


@pytest.mark.parametrize("host", [*CHRONY, *OTHERS, "container-12"])
@pytest.mark.parametrize("kind", list(READS))
def test_a_read_that_failed_never_passes(host, kind):
    texts = {**texts_of(host), kind: ""}
    if kind == "config" and host not in OTHERS[1:]:
        return  # nothing is asked of the configuration where nobody is served
    verdicts = judged(texts, params_of(host), READ_AT.get(host, 1795571950))
    assert set(verdicts) == CONTROLS
    if kind != "config":
        assert with_status(verdicts, Status.UNKNOWN) == {name.partition(".")[2] for name in CONTROLS}
    else:
        assert verdicts["time_sync.serving"].status is Status.UNKNOWN


def test_a_daemon_that_does_not_answer_is_unknown():
    texts = texts_of("chrony-12")
    texts["now"] = texts["now"].partition("@chronyc")[0] + "@chronyc\n506 Cannot talk to daemon\n"
    assert with_status(judged(texts, PARAMS), Status.UNKNOWN) == {"accuracy", "reachable", "sources"}


@given(st.sampled_from(["units", "config", "now"]), st.binary(max_size=300))
def test_arbitrary_bytes_neither_raise_nor_pass(kind, content):
    texts = {**texts_of("chrony-12"), kind: content.decode("utf-8", "surrogateescape")}
    verdicts = judged(texts, PARAMS)
    assert set(verdicts) == CONTROLS
    if kind != "config":
        assert not with_status(verdicts, Status.PASS)


@given(st.text(max_size=300))
def test_the_daemons_words_are_understood_or_refused(text):
    for parse in (lambda t: chrony_clock(t, STRANGERS), lambda t: timesyncd_clock(t, 1e9), ntpq_clock):
        with pytest.raises(TimeError):
            parse(text)


def test_the_reads_are_the_topic_s():
    assert TOPIC.reads == (UNITS, CONFIG, NOW)
    assert TOPIC.of_the_fleet == {"time_sync.skew"}
