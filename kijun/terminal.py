"""What is shown on a terminal, and may be other machines' words."""


def printable(text: str) -> str:
    """Return `text` with ? for what could steer a terminal: names of paths and programs are not ours."""
    return "".join(c if c.isprintable() else "?" for c in text)
