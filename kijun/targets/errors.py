"""The error of this package."""

from kijun.errors import KijunError


class TargetError(KijunError):
    """A disposable target cannot be made, reached or named so; the text says what to do."""
