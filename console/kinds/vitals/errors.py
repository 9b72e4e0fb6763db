"""Requests that were not answered well: by the model, by its hosts, or because of what callers sent. Pure.

Judged against the same hour of the last days and, in a deployment, fleet against fleet (facts/sagemaker.md sections
9.2 and 12.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from console.kinds.base import Sign
from console.kinds.vitals.finding import (
    CALLERS_RATE,
    CRITICAL_RATE,
    ERRORS_AT_LEAST,
    WARNING_RATE,
    Finding,
    Strain,
    days,
    odds,
    of,
    over,
    percent,
    share,
    strain,
)
from console.kinds.vitals.proportions import CHANCE, above, worse
from console.kinds.vitals.record import Pulse, Signs, Was

if TYPE_CHECKING:
    from console.kinds.endpoint.record import Endpoint


def of_fleets(beat: Pulse, e: Endpoint) -> Iterator[Finding]:
    """The fleet that comes in against the one that is left, of each variant."""
    from console.kinds.endpoint.record import short  # whose package imports this module

    coming = e.pending.config if e.pending else e.config
    for new in (one for one in beat.fleets if one.config == coming):
        old = next((one for one in beat.fleets if one.variant == new.variant and one.config != coming), None)
        n, errors = new.invocations or 0.0, new.errors_5xx or 0.0
        if old is None or errors < ERRORS_AT_LEAST or n < 1 or errors / n < WARNING_RATE:
            continue
        chance = worse(errors, n, old.errors_5xx or 0.0, old.invocations or 0.0)
        if chance > CHANCE:
            continue
        name, left = short(coming, e.name), short(old.config, e.name)
        rest = f"{left}: {of(old.errors_5xx or 0.0, old.invocations or 0.0)}; not chance ({odds(chance)})"
        yield Finding(
            Sign.CRITICAL if errors / n >= CRITICAL_RATE else Sign.WARNING,
            f"{name}: {failing(errors, n)}",
            (rest, _whose_fault(new), over(new)),
            {"errors": errors, "n": n, "errors_of_other": old.errors_5xx or 0.0, "n_of_other": old.invocations or 0.0},
            ("rollback",),
            ("retrain", "scale"),
            "errors",
            new.variant,
        )


def of_variant(one: Signs, was: Was | None, whose: str, lately: Strain | None = None) -> Iterator[Finding]:
    """5XX. With full or overloaded hosts (or those that were so `lately`) that is why; else a deployment may be
    (advice.py looks for one)."""
    errors, n = one.errors_5xx or 0.0, one.invocations or 0.0
    if errors < ERRORS_AT_LEAST or not n:
        return
    rate, usual = errors / n, was.error_rate if was else None
    if rate < WARNING_RATE or (usual is not None and above(errors, n, 1.5 * usual) > CHANCE):
        return
    critical, why = rate >= CRITICAL_RATE, strain(one, was) or lately
    if usual is None and not critical and why is None:
        return
    before = f", was {percent(usual)}" if usual is not None else ""
    yield Finding(
        Sign.CRITICAL if critical else Sign.WARNING,
        f"{whose}{failing(errors, n)}{before}{f': {why.words}' if why else ''}",
        (_whose_fault(one), over(one), days(was)),
        {"errors": errors, "n": n, "error_rate": rate} | ({"was": usual} if usual is not None else {}),
        why.speaks_for if why else ("rollback",),
        why.speaks_against if why else ("retrain",),
        "errors",
        one.variant,
    )


def of_queue(one: Signs, whose: str) -> Iterator[Finding]:
    """Asynchronous requests: nobody waits for an answer, but each has failed."""
    failed, n = one.failures or 0.0, one.invocations or 0.0
    if failed < ERRORS_AT_LEAST or failed < CRITICAL_RATE * max(n, failed):
        return
    yield Finding(
        Sign.CRITICAL,
        f"{whose}{failing(failed, max(n, failed))}",
        ("asynchronous requests: their failures are in the error path in S3", over(one)),
        {"errors": failed, "n": max(n, failed), "failures": failed},
        ("rollback",),
        ("retrain",),
        "errors",
        one.variant,
    )


def of_callers(one: Signs, was: Was | None, whose: str) -> Iterator[Finding]:
    """4XX: callers send something else. Neither roll back nor retrain is right (facts 9.2)."""
    bad, n = one.errors_4xx or 0.0, one.invocations or 0.0
    if bad < ERRORS_AT_LEAST or bad < CALLERS_RATE * n or not n:
        return
    usual = was.error_4xx_rate if was else None
    if usual is not None and (above(bad, n, 1.5 * usual) > CHANCE or bad / n < 2 * usual):
        return
    before = f", was {percent(usual)}" if usual is not None else ""
    rate, counts = share(bad, n)
    yield Finding(
        Sign.WARNING,
        f"{whose}callers: {rate} refused as 4XX {counts}{before}",
        ("4XX: what callers send changed, not the model; talk to the client's team", over(one), days(was)),
        {"errors_4xx": bad, "n": n},
        (),
        ("rollback", "retrain", "scale"),
        "callers",
        one.variant,
    )


def failing(errors: float, n: float) -> str:
    """`30 % fail (312 of 1,040)`"""
    rate, counts = share(errors, n)
    return f"{rate} fail {counts}"


def _whose_fault(one: Signs) -> str:
    rate = percent((one.errors_5xx or 0.0) / max(one.invocations or 0.0, 1.0))
    if one.model_errors is None or not one.errors_5xx:
        return f"5XX {rate}"
    answered = min(one.model_errors, one.errors_5xx)
    if answered < 0.01 * one.errors_5xx:
        return f"5XX {rate}: the container never saw them"
    if answered > 0.99 * one.errors_5xx:
        return f"5XX {rate}: the container answered so"
    return f"5XX {rate}: the container answered {of(answered, one.errors_5xx)} so, the rest it never saw"
