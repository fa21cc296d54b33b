"""Errors that end a command with one clear sentence."""


class KijunError(Exception):
    """A problem the operator can mend; its text is one sentence: what, where, what to do.

    `kijun.cli.main` prints it to stderr and exits with `exit_code`.
    """

    exit_code = 3


class InventoryError(KijunError):
    """The inventory cannot be loaded, matches no host, or a variable in it cannot be resolved."""


class FloorError(KijunError):
    """A parameter is weaker than a clause of the standard allows."""


class StandardError(KijunError):
    """A file of the rulebook is not what its model expects; names file, key and what was expected."""


class RecordError(KijunError):
    """The record of what happened cannot be opened, read or written."""
