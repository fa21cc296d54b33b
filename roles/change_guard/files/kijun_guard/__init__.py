"""Puts a host back to how it was before a run of kijun, unless a new login confirms the run.

Standard library and Python 3.9 only; kept on the host, so that it needs nothing and nobody.
"""
