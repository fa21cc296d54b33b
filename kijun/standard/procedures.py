"""`procedures.yml`: who acts in the procedures of the rulebook that kijun keeps."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from kijun.standard.models import ClauseId, Model, Slug


class Step(Model):
    """One step of a procedure: the clause that speaks of it, and the actors who may take it."""

    clause: ClauseId
    who: tuple[Slug, ...] = Field(min_length=1)


class ExceptionProcedure(Model):
    """Not following a rule: who applies, who permits, and what holds in an emergency."""

    apply: Step
    permit: Step
    emergency: Step  # who may take one at once
    report: Step  # to whom it is reported afterwards
    keep: Step


class ForwardingProcedure(Model):
    """Mail that is forwarded outside with permission."""

    permit: Step


class ChangeProcedure(Model):
    """Changing a system: who may check another's work."""

    check: Step


class Procedures(Model):
    """All procedures of one rulebook."""

    exceptions: ExceptionProcedure
    forwardings: ForwardingProcedure
    changes: ChangeProcedure

    def steps(self) -> Iterator[tuple[str, Step]]:
        """Yield every step with its key path in the file."""
        for procedure in type(self).model_fields:
            part = getattr(self, procedure)
            for name in type(part).model_fields:
                yield f"{procedure}.{name}", getattr(part, name)
