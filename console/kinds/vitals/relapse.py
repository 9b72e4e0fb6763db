"""Memory that fills, kills and is free again: between two times all looks well, and nothing was mended. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from console.clock import MINUTE, Millis, clock_time
from console.kinds.base import Sign
from console.kinds.vitals.finding import ERRORS_AT_LEAST, FULL_MEMORY, WARNING_RATE, Finding, Strain, of, over
from console.kinds.vitals.record import Full, Pulse, Signs

if TYPE_CHECKING:
    from console.kinds.endpoint.record import Endpoint

AGAIN = 20 * MINUTE
"""So long after its memory was full it may be again: workers that leak are recycled every few minutes."""


def full(beat: Pulse, e: Endpoint, before: Pulse | None) -> tuple[Full, ...]:
    """By variant the last window in which requests failed at full memory; after a change of the endpoint it is no sign,
    and after AGAIN none either."""
    found = {one.variant: one for one in (before.full if before else ()) if holds(one, e, beat.at)}
    for one in beat.variants:
        errors, n, percent = one.errors_5xx or 0.0, one.invocations or 0.0, one.memory_percent or 0.0
        failing = percent >= FULL_MEMORY and errors >= max(ERRORS_AT_LEAST, WARNING_RATE * n)
        if failing and (e.modified_at or 0) <= beat.at - one.minutes * MINUTE:
            found[one.variant] = Full(one.variant, beat.at, percent, errors, n)
    return tuple(found.values())


def holds(one: Full, e: Endpoint, at: Millis) -> bool:
    """Whether nothing has changed since that could have mended it: config, instances, weights."""
    return at - one.at <= AGAIN and (e.modified_at or 0) <= one.at


def strain_of(one: Full) -> Strain:
    return Strain(f"memory was {one.percent:.0f} %", ("rollback", "scale"), ("retrain",))


def of_memory(one: Signs, was_full: Full, whose: str, now: Millis) -> Iterator[Finding]:
    """Where nothing fails at the moment."""
    if one.memory_percent is None or not one.invocations:
        return
    failed = f"{of(was_full.errors, was_full.n)} failed until {clock_time(was_full.at, now)}"
    yield Finding(
        Sign.WARNING,
        f"{whose}{failed}, memory fills again: {one.memory_percent:.0f} %",
        (f"memory was {was_full.percent:.0f} % then; neither config nor instances have changed since", over(one)),
        {
            "percent": one.memory_percent,
            "memory_percent": one.memory_percent,
            "errors": was_full.errors,
            "n": was_full.n,
        },
        ("rollback", "scale"),
        ("retrain",),
        "saturation",
        one.variant,
    )
