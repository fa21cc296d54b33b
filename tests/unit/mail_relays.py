"""What real mail servers said to mail_relay's reads, and what is judged of it with one thing changed."""

from pathlib import Path

from kijun.model import CommandResult, HostState, Status
from kijun.topics._mail_reads import FILES, POSTFIX, RUNNING
from kijun.topics._mail_relay_exim_reads import EXIM
from kijun.topics.mail_relay import judge

DATA = Path(__file__).parent / "data/mail_relay"
READS = {"postfix": POSTFIX, "exim": EXIM, "running": RUNNING, "files": FILES}
HOSTS = ["postfix-12", "postfix-13", "exim-12", "exim-13"]
CONTROLS = {
    f"mail_relay.{name}"
    for name in (
        *("networks", "restrictions", "destinations", "source_routes", "client_identity", "authentication"),
        *("login_encrypted", "configuration_protected", "in_force"),
    )
}
PARAMS = {"mail_relay_networks": [], "mail_relay_domains": []}
GATEWAY = {"mail_relay_networks": ["10.20.0.0/16"], "mail_relay_domains": ["museum-two.example"]}


def texts_of(host):
    return {kind: (DATA / f"{host}.{kind}").read_text(encoding="utf-8") for kind in READS}


def judged(texts, params=PARAMS, *, read_at=None):
    commands = {
        read.name: CommandResult(read.name, 0, texts[kind].encode("utf-8", "surrogateescape"))
        for kind, read in READS.items()
    }
    state = HostState(files={}, commands=commands, read_at=read_at or 1795563400)
    return {verdict.control: verdict for verdict in judge(state, params)}


def of_host(host, params=PARAMS, **changes):
    """Judge what `host` said, with (old, new) replaced in the reads named."""
    texts = texts_of(host)
    for kind, changed in changes.items():
        for old, new in changed if isinstance(changed, list) else [changed]:
            assert old in texts[kind], f"{old!r} is not in the captured {kind}"
            texts[kind] = texts[kind].replace(old, new)
    now = int((DATA / f"{host}.now").read_text())
    return judged(texts, params, read_at=now)


def failing(verdicts):
    return {name.partition(".")[2] for name, verdict in verdicts.items() if verdict.status is Status.FAIL}
