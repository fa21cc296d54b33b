"""The Ansible modules of mail_relay: what they take for open, what they change, and what they refuse."""

from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.modules import load

ROOT = Path(__file__).resolve().parents[2]
CONF = """# comment stays
dc_eximconfig_configtype='internet'
dc_relay_domains=''
dc_relay_nets=''
"""


POSTFIX = load("library/kijun_postfix_relay.py")
EXIM = load("library/kijun_exim_relay.py")
MAIL = importlib.import_module("ansible.module_utils.kijun_mail")
HELPERS = importlib.import_module("ansible.module_utils.kijun_postfix")


@pytest.mark.parametrize("module", [POSTFIX, EXIM], ids=lambda m: m.__name__)
def test_documentation_and_argument_spec_agree(module: ModuleType) -> None:
    documented = yaml.safe_load(module.DOCUMENTATION)["options"]
    assert documented.keys() == module.ARGUMENT_SPEC.keys()
    for name, spec in module.ARGUMENT_SPEC.items():
        said = {k: documented[name].get(k) for k in ("type", "required", "default", "elements")}
        assert said == {k: spec.get(k) for k in ("type", "required", "default", "elements")}, name


@pytest.mark.parametrize(
    ("value", "refuses"),
    [
        ("permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination", True),
        ("permit_mynetworks permit_sasl_authenticated defer_unauth_destination", True),
        ("permit_sasl_authenticated,reject", True),
        ("reject_unknown_sender_domain, reject", True),
        ("permit, reject_unauth_destination", False),
        ("warn_if_reject reject_unauth_destination", False),
        ("check_client_access hash:/etc/postfix/x, reject", False),
        ("reject_rbl_client list.example, reject", False),  # it has an argument: not certain, so set anew
        ("permit_mynetworks", False),
        ("", False),
    ],
)
def test_which_lists_are_left_as_they_are(value: str, refuses: bool) -> None:
    assert POSTFIX.refuses(value) is refuses


@pytest.mark.parametrize(
    ("setting", "value", "opens"),
    [
        ("smtpd_relay_restrictions", "permit", True),
        ("smtpd_relay_restrictions", "permit_sasl_authenticated,reject", False),
        ("mynetworks", "0.0.0.0/0", True),
        ("mynetworks", "127.0.0.0/8", False),
        ("allow_untrusted_routing", "yes", True),
        ("smtpd_authorized_xclient_hosts", "10.0.0.0/8", True),
        ("smtpd_authorized_xclient_hosts", "127.0.0.1", False),
        ("smtpd_sasl_security_options", "noplaintext", True),
        ("smtpd_tls_auth_only", "no", True),
        ("smtpd_tls_auth_only", "yes", False),
        ("syslog_name", "postfix/submission", False),
    ],
)
def test_which_overrides_are_taken_away(setting: str, value: str, opens: bool) -> None:
    assert POSTFIX.opens(setting, value, POSTFIX.OWN, {}) is opens


class Settings(dict[str, str]):
    """What change_main asks of a configuration, and what it sets."""

    services: dict[tuple[str, str], dict[str, str]]

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        return super().get(name, default)

    def set(self, name: str, value: str) -> None:
        self[name] = value

    def overrides(self) -> dict[tuple[str, str], dict[str, str]]:
        return self.services


@pytest.mark.parametrize(
    ("main", "service", "only_tls"),
    [
        ({"smtpd_sasl_auth_enable": "yes", "smtpd_tls_security_level": "may"}, {}, "yes"),
        ({"smtpd_tls_security_level": "may"}, {"smtpd_sasl_auth_enable": "yes"}, "yes"),
        ({"smtpd_tls_security_level": "may"}, {}, ""),
        ({"smtpd_sasl_auth_enable": "yes"}, {}, ""),  # without TLS nobody could log in any more
    ],
)
def test_a_login_is_bound_to_tls_where_there_is_tls(
    main: dict[str, str], service: dict[str, str], only_tls: str
) -> None:
    conf = Settings(main)
    conf.services = {("submission", "inet"): service}
    POSTFIX.change_main(conf, ["127.0.0.0/8"])
    assert conf.get("smtpd_tls_auth_only") == only_tls


def test_an_empty_relay_list_is_left_where_the_recipient_list_refuses() -> None:
    recipient = {"smtpd_recipient_restrictions": "permit_sasl_authenticated,reject"}
    assert not POSTFIX.opens("smtpd_relay_restrictions", "", POSTFIX.OWN, recipient)


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0", "8.0.0.0/8", "200.0.0.0/15", "2001::/16", "museum"])
def test_networks_that_cannot_be_ones_own_are_refused(network: str) -> None:
    with pytest.raises(MAIL.RefusedError, match=network.replace(".", "[.]")):
        MAIL.networks_of([network])


def test_networks_are_written_as_postfix_takes_them() -> None:
    wanted = POSTFIX.wanted_networks(["10.20.0.1/16", "2001:db8:20::/48"])
    assert wanted[3:] == ["10.20.0.0/16", "[2001:db8:20::]/48"]


@given(st.text(max_size=40))
def test_no_text_is_taken_for_a_network_by_chance(text: str) -> None:
    try:
        found = MAIL.networks_of([text])
    except MAIL.RefusedError:
        return
    assert "/" in found[0]


@pytest.mark.parametrize(
    ("name", "kind", "interfaces", "local"),
    [
        ("smtp", "inet", "all", False),
        ("smtp", "inet", "loopback-only", True),
        ("127.0.0.1:10025", "inet", "all", True),
        ("[::1]:10025", "inet", "all", True),
        ("10.0.0.5:25", "inet", "loopback-only", False),
        ("smtpd", "pass", "all", False),
        ("private", "unix", "all", True),
    ],
)
def test_which_services_others_can_reach(name: str, kind: str, interfaces: str, local: bool) -> None:
    assert HELPERS.Service(name, kind, "smtpd").local_only(interfaces) is local


@pytest.fixture
def exim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host of files only, where no Exim runs."""
    conf = tmp_path / "update-exim4.conf.conf"
    conf.write_text(CONF)
    monkeypatch.setattr(EXIM, "CONF", str(conf))
    monkeypatch.setattr(EXIM, "OWN_CONF", str(tmp_path / "exim4.conf"))
    monkeypatch.setattr(EXIM, "stale", lambda: False)
    return conf


def run(capsys: pytest.CaptureFixture[str], *, check: bool = False, **args: Any) -> dict[str, Any]:
    arguments = {"_ansible_check_mode": check, "_ansible_remote_tmp": "/tmp", **args}
    with patch_module_args(arguments), pytest.raises(SystemExit):
        EXIM.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_exim_is_set_once_and_as_predicted(exim: Path, capsys: pytest.CaptureFixture[str]) -> None:
    networks = ["10.20.0.0/16", "2001:db8:20::/48"]
    predicted = run(capsys, check=True, networks=networks)
    assert predicted["changed"]
    assert exim.read_text() == CONF
    done = run(capsys, networks=networks)
    assert done["diff"] == predicted["diff"]
    assert exim.read_text() == CONF.replace("_nets=''", "_nets='10.20.0.0/16;2001:db8:20::/48'")
    assert not run(capsys, networks=networks)["changed"]


def test_exim_domains_that_are_not_declared_are_refused(
    exim: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exim.write_text(CONF.replace("_domains=''", "_domains='partner.example'"))
    before = exim.read_text()
    refused = run(capsys, networks=["10.20.0.0/16"])
    assert refused["failed"]
    assert "partner.example" in refused["msg"]
    assert exim.read_text() == before
    assert run(capsys, networks=["10.20.0.0/16"], domains=["partner.example"])["changed"]


def test_a_configuration_that_is_not_debians_is_left_alone(
    exim: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (exim.parent / "exim4.conf").write_text("")
    assert not run(capsys)["changed"]
    assert run(capsys, networks=["10.20.0.0/16"])["failed"]
