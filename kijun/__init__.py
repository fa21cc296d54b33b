"""kijun: a written information-security rulebook, enforced and shown to behave on real hosts."""

__version__ = "0.1.0"
