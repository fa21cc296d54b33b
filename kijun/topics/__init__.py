"""The topics: one module each, found by being here. There is no registry to edit."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from kijun.model import Topic


@cache
def all_topics() -> dict[str, Topic]:
    """Return every topic by slug, in alphabetical order."""
    names = sorted(m.name for m in iter_modules(__path__) if not m.name.startswith("_"))
    topics = [import_module(f"{__name__}.{name}").TOPIC for name in names]
    return {topic.slug: topic for topic in topics}
