"""What vital signs say about users, in words and numbers, and what they speak for and against. Pure.

Judged are whole minutes alone, against the same hour of the last days and, in a deployment, fleet against fleet
(facts/sagemaker.md sections 9.2 and 12.1). Latency percentiles of minutes are no samples: they get thresholds, no test.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from console.clock import MINUTE, Millis, clock_time, duration
from console.kinds.base import Sign
from console.kinds.vitals.beat import SPAN
from console.kinds.vitals.proportions import CHANCE, above, worse
from console.kinds.vitals.record import Pulse, Signs, Was

if TYPE_CHECKING:
    from console.kinds.endpoint.record import Endpoint

ERRORS_AT_LEAST = 5
REQUESTS_AT_LEAST = 50
CRITICAL_RATE, WARNING_RATE = 0.01, 0.002
"""Of all requests answered with 5XX: one user in a hundred is hurt; a few are, and more than usual."""

CALLERS_RATE = 0.02
SLOWER, SLOWER_MS = 1.5, 20.0
"""p99 against the same hour of other days: a half more, and not by noise of milliseconds."""

BUSY_CPU, FULL_MEMORY, FULL_DISK, BUSY_GPU, BUSY_SLOTS = 85.0, 92.0, 90.0, 95.0, 90.0
SILENT = 20.0
"""Requests that were to be expected in the window: that none came is no chance (1 in 10^8)."""

WAITING_S, HITS = 300.0, 0.8


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One thing that the numbers say. `speaks_for` and `speaks_against` are verbs (rollback, weights, scale, mute,
    retrain), for whoever weighs them later."""

    sign: Sign
    words: str
    reasons: tuple[str, ...]
    numbers: dict[str, float] = {}
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ("retrain",)
    about: str = ""
    """errors, callers, latency, saturation, queue, silence."""

    def to_json(self) -> dict[str, Any]:
        return {
            "about": self.about,
            "sign": self.sign.value,
            "words": self.words,
            "reasons": [reason for reason in self.reasons if reason],
            "numbers": self.numbers,
            "speaks_for": self.speaks_for,
            "speaks_against": self.speaks_against,
        }


def findings(beat: Pulse, e: Endpoint, now: Millis) -> tuple[Finding, ...]:
    """Worst first; none where all is well, or where the numbers are too old to say anything."""
    if now >= beat.stale_at:
        return ()
    found = [*_fleets(beat, e)] if beat.fleets else []
    shadows = {v.name for v in e.shadows}
    alone = len(beat.variants) <= 1
    for one in beat.variants:
        if one.variant in shadows or _calm(one, was := beat.was_of(one.variant)):
            continue
        whose = "" if alone else f"{one.variant}: "
        found += _variant(one, was, whose, hurt=any(f.about == "errors" for f in found))
    for one in beat.components:
        found += _component(one)
    found += _silence(beat, e, now)
    if len(found) > 1:
        found.sort(key=lambda finding: finding.sign.rank)
    return tuple(found)


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
        and (was is None or was.overhead_avg_ms is None or not _overhead(one, was))
    )


def _variant(one: Signs, was: Was | None, whose: str, *, hurt: bool) -> Iterator[Finding]:
    if not hurt:
        yield from _errors(one, was, whose)
        yield from _failures(one, whose)
    yield from _callers(one, was, whose)
    yield from _latency(one, was, whose)
    yield from _saturation(one, whose)
    yield from _queue(one, whose)
    yield from _models(one, whose)


# Errors.


def _fleets(beat: Pulse, e: Endpoint) -> Iterator[Finding]:
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
        rest = f"{left}: {_of(old.errors_5xx or 0.0, old.invocations or 0.0)}; not chance ({_odds(chance)})"
        critical = errors / n >= CRITICAL_RATE
        yield Finding(
            Sign.CRITICAL if critical else Sign.WARNING,
            f"{name}: {_of(errors, n)} fail",
            (rest, _whose_fault(new), _over(new)),
            {"errors": errors, "n": n, "errors_of_other": old.errors_5xx or 0.0, "n_of_other": old.invocations or 0.0},
            ("rollback",),
            ("retrain", "scale"),
            "errors",
        )


def _errors(one: Signs, was: Was | None, whose: str) -> Iterator[Finding]:
    errors, n = one.errors_5xx or 0.0, one.invocations or 0.0
    if errors < ERRORS_AT_LEAST or not n:
        return
    rate, usual = errors / n, was.error_rate if was else None
    if rate < WARNING_RATE or (usual is not None and above(errors, n, 1.5 * usual) > CHANCE):
        return
    critical = rate >= CRITICAL_RATE
    if usual is None and not critical:
        return
    before = f", was {_percent(usual)}" if usual is not None else ""
    yield Finding(
        Sign.CRITICAL if critical else Sign.WARNING,
        f"{whose}{_of(errors, n)} fail{before}",
        (_whose_fault(one), _over(one), _days(was)),
        {"errors": errors, "n": n, "error_rate": rate} | ({"was": usual} if usual is not None else {}),
        # When nothing was deployed lately, triage takes this back.
        ("rollback",),
        ("retrain",),
        "errors",
    )


def _failures(one: Signs, whose: str) -> Iterator[Finding]:
    """Asynchronous requests: nobody waits for an answer, but each has failed."""
    failed, n = one.failures or 0.0, one.invocations or 0.0
    if failed < ERRORS_AT_LEAST or failed < CRITICAL_RATE * max(n, failed):
        return
    yield Finding(
        Sign.CRITICAL,
        f"{whose}{_of(failed, max(n, failed))} fail",
        ("asynchronous requests: their failures are in the error path in S3", _over(one)),
        {"errors": failed, "n": max(n, failed)},
        ("rollback",),
        ("retrain",),
        "errors",
    )


def _callers(one: Signs, was: Was | None, whose: str) -> Iterator[Finding]:
    """4XX: callers send something else. Neither roll back nor retrain is right (facts 9.2)."""
    bad, n = one.errors_4xx or 0.0, one.invocations or 0.0
    if bad < ERRORS_AT_LEAST or bad < CALLERS_RATE * n or not n:
        return
    usual = was.error_4xx_rate if was else None
    if usual is not None and (above(bad, n, 1.5 * usual) > CHANCE or bad / n < 2 * usual):
        return
    before = f", was {_percent(usual)}" if usual is not None else ""
    yield Finding(
        Sign.WARNING,
        f"{whose}callers: {_of(bad, n)} refused (4XX){before}",
        ("4XX: what callers send changed, not the model; talk to the client's team", _over(one), _days(was)),
        {"errors_4xx": bad, "n": n},
        (),
        ("rollback", "retrain", "scale"),
        "callers",
    )


# Latency and capacity.


def _overhead(one: Signs, was: Was) -> bool:
    """Whether SageMaker's own part is what made requests slower."""
    now, usual = one.overhead_avg_ms, was.overhead_avg_ms
    return now is not None and usual is not None and now >= max(3 * usual, usual + 2 * SLOWER_MS)


def _latency(one: Signs, was: Was | None, whose: str) -> Iterator[Finding]:
    if was is None or (one.invocations or 0.0) < REQUESTS_AT_LEAST:
        return
    now, usual = one.latency_p99_ms, was.latency_p99_ms
    slow = now is not None and usual is not None and now >= max(SLOWER * usual, usual + SLOWER_MS)
    if _overhead(one, was) and not (slow and now and usual and now >= 3 * usual):
        more = one.overhead_avg_ms, was.overhead_avg_ms
        yield Finding(
            Sign.WARNING,
            f"{whose}overhead {_ms(more[0])} ms, was {_ms(more[1])}: not the model",
            ("OverheadLatency: size of the requests, authentication or the platform", _over(one), _days(was)),
            {"overhead_avg_ms": more[0] or 0.0, "was": more[1] or 0.0},
            (),
            ("rollback", "retrain", "scale"),
            "latency",
        )
        return
    if not slow or now is None or usual is None:
        return
    load, before = one.invocations_per_instance, was.invocations_per_instance
    busy = (one.cpu_percent or 0.0) >= BUSY_CPU or (one.gpu_percent or 0.0) >= BUSY_GPU
    more_load = load is not None and before and load >= 1.2 * before
    reasons = [f"model p99 {_ms(now)} ms, was {_ms(usual)}"]
    if one.overhead_avg_ms is not None:
        reasons.append(f"overhead {_ms(one.overhead_avg_ms)} ms, was {_ms(was.overhead_avg_ms)}")
    if load is not None and before:
        reasons.append(f"{load:,.0f} requests a minute per instance, was {before:,.0f}")
    if one.cpu_percent is not None:
        reasons.append(f"CPU {one.cpu_percent:.0f} % of all vCPUs")
    words = f"p99 {_ms(now)} ms, was {_ms(usual)}"
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ("retrain",)
    if busy:
        words, speaks_for = f"{words}: hosts are busy", ("scale",)
    elif more_load and load and before:
        words, speaks_for = f"{words}, {100 * (load / before - 1):+.0f} % a host", ("scale",)
    elif one.cpu_percent is not None and load is not None:
        words = f"{words} at equal load, hosts idle"
        speaks_against = ("retrain", "scale")
        reasons.append("something that the model calls, or the model itself")
    reasons += [_over(one), _days(was)]
    numbers = {"latency_p99_ms": now, "was": usual}
    yield Finding(Sign.WARNING, f"{whose}{words}", tuple(reasons), numbers, speaks_for, speaks_against, "latency")


def _saturation(one: Signs, whose: str) -> Iterator[Finding]:
    checks: tuple[tuple[float | None, float, str, str], ...] = (
        (one.cpu_percent, BUSY_CPU, "CPU", "of all vCPUs"),
        (one.gpu_percent, BUSY_GPU, "GPU", "of all GPUs"),
        (one.memory_percent, FULL_MEMORY, "memory", "on the fullest instance"),
        (one.disk_percent, FULL_DISK, "disk", "on the fullest instance"),
        (one.concurrency_utilization_percent, BUSY_SLOTS, "concurrency", "of what is allowed at once"),
    )
    for value, limit, what, of in checks:
        if value is not None and value >= limit:
            yield Finding(
                Sign.WARNING,
                f"{whose}{what} {value:.0f} %",
                (f"{what} {value:.0f} % {of}; from {limit:.0f} % on users feel it", _over(one)),
                {"percent": value},
                ("scale",),
                ("retrain",),
                "saturation",
            )


def _queue(one: Signs, whose: str) -> Iterator[Finding]:
    waiting, oldest = one.backlog or 0.0, one.oldest_request_s or 0.0
    if one.stranded and waiting:
        yield Finding(
            Sign.CRITICAL,
            f"{whose}{waiting:,.0f} wait and no instance is there",
            ("HasBacklogWithoutCapacity: scale out from zero has not come",),
            {"backlog": waiting},
            ("scale",),
            ("rollback", "retrain"),
            "queue",
        )
    elif oldest >= WAITING_S:
        yield Finding(
            Sign.WARNING,
            f"{whose}{waiting:,.0f} wait, the oldest {duration(round(oldest * 1000))}",
            (f"backlog {waiting:,.0f}, oldest request {oldest:,.0f} s",),
            {"backlog": waiting, "oldest_request_s": oldest},
            ("scale",),
            ("retrain",),
            "queue",
        )


def _models(one: Signs, whose: str) -> Iterator[Finding]:
    """A multi-model endpoint whose models do not fit in memory loads them again and again."""
    if one.cache_hit_ratio is None or one.cache_hit_ratio >= HITS or (one.invocations or 0.0) < REQUESTS_AT_LEAST:
        return
    wait = f", each waits {_ms(one.loading_wait_ms)} ms" if one.loading_wait_ms else ""
    yield Finding(
        Sign.WARNING,
        f"{whose}models thrash: {100 * one.cache_hit_ratio:.0f} % found loaded{wait}",
        (f"ModelCacheHit {one.cache_hit_ratio:.2f}: more memory or instances, not a roll back", _over(one)),
        {"cache_hit_ratio": one.cache_hit_ratio},
        ("scale",),
        ("rollback", "retrain"),
        "saturation",
    )


def _component(one: Signs) -> Iterator[Finding]:
    if one.unplaced:
        yield Finding(
            Sign.CRITICAL,
            f"{one.component}: {one.unplaced:,.0f} requests found no copy",
            ("NoCapacityInvocationFailures: no copy of the component is placed", _over(one)),
            {"unplaced": one.unplaced},
            ("scale",),
            ("rollback", "retrain"),
            "saturation",
        )
    yield from _errors(one, None, f"{one.component}: ")


# Silence.


def _silence(beat: Pulse, e: Endpoint, now: Millis) -> Iterator[Finding]:
    """No metrics although there was traffic: nobody knows how users fare (INSUFFICIENT_DATA is not OK)."""
    if any(one.invocations for one in beat.variants) or any(one.backlog is not None for one in beat.variants):
        return
    usual = sum(was.invocations_per_min or 0.0 for was in beat.was)
    recent = [value for value in beat.trace if value is not None]
    # The last day may tell nothing of an endpoint that is new: then what came within the half hour does.
    expected = SPAN * (usual if beat.was else (sum(recent) / len(recent) if len(recent) >= SPAN else 0.0))
    if expected < SILENT:
        return
    hosts = any(not one.empty for one in beat.variants)
    what = "requests" if hosts else "metrics"
    last = beat.invoked_at if hosts else beat.last_at
    since = f" since {clock_time(last + MINUTE, now)}" if last else f" for {SPAN} minutes"
    seen = "its hosts report, so nobody calls it" if hosts else "neither requests nor hosts report"
    yield Finding(
        Sign.UNKNOWN,
        f"no {what}{since}",
        (f"usually {expected / SPAN:,.0f} requests a minute at this hour", seen),
        {"expected": expected},
        (),
        ("rollback", "retrain"),
        "silence",
    )


# Words.


def _of(errors: float, n: float) -> str:
    return f"{errors:,.0f} of {n:,.0f}"


def _over(one: Signs) -> str:
    return f"over {one.minutes} whole minutes"


def _days(was: Was | None) -> str:
    return f"was: the same hour of {was.days} days" if was and was.days else "was: not known yet"


def _whose_fault(one: Signs) -> str:
    if one.model_errors is None or not one.errors_5xx:
        return f"5XX {_percent((one.errors_5xx or 0.0) / max(one.invocations or 0.0, 1.0))}"
    share = min(1.0, one.model_errors / one.errors_5xx)
    by = "the container answered so" if share >= 0.5 else "the container never saw them"
    return f"5XX {_percent(one.errors_5xx / max(one.invocations or 0.0, 1.0))}: {by}"


def _percent(rate: float | None) -> str:
    if rate is None:
        return "?"
    return f"{100 * rate:.2f} %" if rate < 0.01 else f"{100 * rate:.1f} %"


def _odds(chance: float) -> str:
    return f"p {chance:.0e}" if chance >= 1e-15 else "p < 1e-15"


def _ms(value: float | None) -> str:
    if value is None:
        return "?"
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
