"""Proofs: tests that do the thing itself on a host, and what they stand on."""
