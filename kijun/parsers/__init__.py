"""Parsers shared by topics: bytes from a host in, plain typed values out; they never raise on bad input."""
