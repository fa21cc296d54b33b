"""`python -m kijun` is `kijun`."""

from kijun.cli import main

main()
