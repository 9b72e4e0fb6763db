"""What vital signs say about users, in words and numbers, and what they speak for and against. Pure.

Judged are whole minutes alone, against the same hour of the last days and, in a deployment, fleet against fleet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from console.clock import MINUTE, Millis, clock_time
from console.kinds.base import Sign
from console.kinds.vitals import errors, load, relapse
from console.kinds.vitals.beat import SPAN
from console.kinds.vitals.finding import (
    BUSY_CPU,
    BUSY_GPU,
    BUSY_SLOTS,
    CALLERS_RATE,
    ERRORS_AT_LEAST,
    FULL_DISK,
    FULL_MEMORY,
    HITS,
    SILENT,
    SLOWER,
    SLOWER_MS,
    WAITING_S,
    WARNING_RATE,
    Finding,
)
from console.kinds.vitals.record import Full, Pulse, Signs, Was

if TYPE_CHECKING:
    from console.kinds.endpoint.record import Endpoint


def findings(beat: Pulse, e: Endpoint, now: Millis) -> tuple[Finding, ...]:
    """Worst first; none where all is well, or where the numbers are too old to say anything."""
    if now >= beat.stale_at:
        return ()
    found = [*errors.of_fleets(beat, e)] if beat.fleets else []
    shadows = {v.name for v in e.shadows}
    alone = len(beat.variants) <= 1
    for one in beat.variants:
        full = next((f for f in beat.full if f.variant == one.variant and relapse.holds(f, e, beat.at)), None)
        if one.variant in shadows or (_calm(one, was := beat.was_of(one.variant)) and full is None):
            continue
        whose = "" if alone else f"{one.variant}: "
        hurt = any(finding.about == "errors" and finding.variant == one.variant for finding in found)
        told = [*of_variant(one, was, whose, hurt=hurt, full=full)]
        if full is not None and not hurt and not any(f.about in {"errors", "saturation"} for f in told):
            told += relapse.of_memory(one, full, whose, now)
        found += told
    if not beat.fleets:
        found = [
            *_apart(found, [one.variant for one in beat.variants if one.variant not in shadows and one.invocations])
        ]
    for one in beat.components:
        found += load.of_copies(one)
        found += errors.of_variant(one, None, f"{one.component}: ")
    found += _silence(beat, e, now)
    if len(found) > 1:
        found.sort(key=lambda finding: finding.sign.rank)
    return tuple(found)


def of_variant(
    one: Signs, was: Was | None, whose: str = "", *, hurt: bool = False, full: Full | None = None
) -> Iterator[Finding]:
    """`hurt`: errors are told already, by fleet. `full`: requests failed lately when its memory was."""
    if not hurt:
        yield from errors.of_variant(one, was, whose, relapse.strain_of(full) if full is not None else None)
        yield from errors.of_queue(one, whose)
    yield from errors.of_callers(one, was, whose)
    yield from load.of_models(one, was, whose)
    yield from load.of_latency(one, was, whose)
    yield from load.of_saturation(one, was, whose)
    yield from load.of_waiting(one, whose)


def _apart(found: list[Finding], serving: Sequence[str]) -> Iterator[Finding]:
    """Where one variant fails and another does not, traffic can go there: less than a roll back (facts 9.2)."""
    bad = {finding.variant for finding in found if finding.about == "errors"}
    well = [name for name in serving if name not in bad]
    for finding in found:
        if finding.about == "errors" and well and "scale" not in finding.speaks_for:
            reasons = (*finding.reasons, f"{' and '.join(well)} not")
            speaks_for = ("weights", *finding.speaks_for)
            finding = msgspec.structs.replace(finding, reasons=reasons, speaks_for=speaks_for)
        yield finding


def _calm(one: Signs, was: Was | None) -> bool:
    """The usual case, for a thousand rows at once: few errors, no slower, nothing full."""
    n = one.invocations or 0.0
    p99, usual = one.latency_p99_ms, was.latency_p99_ms if was else None
    return (
        (one.errors_5xx or 0.0) < max(ERRORS_AT_LEAST, WARNING_RATE * n)
        and not one.failures
        and (one.errors_4xx or 0.0) < max(ERRORS_AT_LEAST, CALLERS_RATE * n)
        and (p99 is None or usual is None or p99 < max(SLOWER * usual, usual + SLOWER_MS))
        and (one.cpu_percent or 0.0) < BUSY_CPU
        and (one.memory_percent or 0.0) < FULL_MEMORY
        and (one.disk_percent or 0.0) < FULL_DISK
        and (one.gpu_percent or 0.0) < BUSY_GPU
        and (one.concurrency_utilization_percent or 0.0) < BUSY_SLOTS
        and (one.oldest_request_s or 0.0) < WAITING_S
        and (one.cache_hit_ratio is None or one.cache_hit_ratio >= HITS)
        and not one.stranded
        and (was is None or was.overhead_avg_ms is None or not load.outside(one, was))
    )


def _silence(beat: Pulse, e: Endpoint, now: Millis) -> Iterator[Finding]:
    """No metrics although there was traffic: nobody knows how users fare (INSUFFICIENT_DATA is not OK)."""
    if any(one.invocations for one in beat.variants) or any(one.backlog is not None for one in beat.variants):
        return
    usual = sum(was.invocations_per_min or 0.0 for was in beat.was)
    recent = [value for value in beat.trace if value is not None]
    # The last day may tell nothing of an endpoint that is new: then what came within the half hour does.
    minutes = max((one.minutes for one in beat.variants), default=SPAN)
    expected = minutes * (usual if beat.was else (sum(recent) / len(recent) if len(recent) >= SPAN else 0.0))
    if expected < SILENT:
        return
    hosts = any(not one.empty for one in beat.variants)
    what = "requests" if hosts else "metrics"
    last = beat.invoked_at if hosts else beat.last_at
    since = f" since {clock_time(last + MINUTE, now)}" if last else f" for {minutes} minutes"
    seen = "its hosts report, so nobody calls it" if hosts else "neither requests nor hosts report"
    yield Finding(
        Sign.UNKNOWN,
        f"no {what}{since}",
        (f"usually {expected / minutes:,.0f} requests a minute at this hour", seen),
        {"expected": expected},
        (),
        ("rollback", "retrain"),
        "silence",
    )
