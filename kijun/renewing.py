"""What no tool can do for people: passwords set before a policy are to be chosen again under it."""

from __future__ import annotations

from kijun.targets import Target


def renew_operator_password(target: Target) -> None:
    """Set the operator's password on a disposable host again, through PAM, as its owner would be asked to.

    It is long and random; what counts is that the policy has now seen it. TargetError where PAM refuses it.
    """
    target.run("chpasswd", stdin=f"{target.operator}:{target.operator_password}\n")
