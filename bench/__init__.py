"""How fast kijun reads, measured on targets of its own: `python -m bench` (as root), or `make bench`."""
