"""The options by which `enforce` and `prove` choose hosts and topics."""

from pathlib import Path
from typing import Annotated

import typer

Inventory = Annotated[
    list[str],
    typer.Option("--inventory", "-i", metavar="INVENTORY", help="Ansible inventory; may be given again."),
]
Limit = Annotated[
    str | None,
    typer.Option("--limit", "-l", metavar="PATTERN", help="Only these hosts (Ansible's patterns)."),
]
Topics = Annotated[
    list[str] | None,
    typer.Option("--topic", "-t", metavar="TOPIC", help="Only this topic; may be given again."),
]
VaultFiles = Annotated[
    list[str] | None,
    typer.Option("--vault-password-file", metavar="FILE", help="As in ansible-playbook; may be given again."),
]
RegisterFolder = Annotated[
    Path | None,
    typer.Option(
        "--exceptions", metavar="DIR", help="The register of exceptions; exceptions/ beside the inventory."
    ),
]
Record = Annotated[
    str | None,
    typer.Option(
        "--record",
        metavar="WHERE",
        help="Where the record is: a file, or postgresql://USER@HOST/DATABASE. By default $KIJUN_RECORD, then"
        " record.sqlite in the state folder.",
    ),
]
Forks = Annotated[int, typer.Option("--forks", min=1, help="How many hosts at a time.")]
