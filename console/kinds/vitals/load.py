"""Waiting and room: latency, saturated hosts, queues, models that do not fit. Pure (facts/sagemaker.md section 9.2).

Latency percentiles of minutes are no samples: they get limits, no test.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from console.clock import duration
from console.kinds.base import Sign
from console.kinds.vitals.finding import (
    BUSY_CPU,
    BUSY_GPU,
    BUSY_SLOTS,
    FULL_DISK,
    FULL_MEMORY,
    HITS,
    HOPELESS,
    HOPELESS_MS,
    MORE_LOAD,
    REQUESTS_AT_LEAST,
    SLOWER,
    SLOWER_MS,
    WAITING_S,
    Finding,
    days,
    load_times,
    more_load,
    ms,
    over,
    strain,
)
from console.kinds.vitals.queue import queue
from console.kinds.vitals.record import Signs, Was


class Usual(NamedTuple):
    """SageMaker's own part of a request at this hour of other days, and from where on it makes requests slower."""

    ms: float
    bearable_ms: float


def usual_overhead(was: Was | None, setup_ms: float = 0.0) -> Usual | None:
    """Where containers are set up for requests, by more than waiting for that adds to the average when a tenth of them
    do."""
    if was is None or (usual := was.overhead_avg_ms) is None:
        return None
    return Usual(usual, max(3 * usual, usual + 2 * SLOWER_MS, usual + 0.1 * setup_ms))


def outside(one: Signs, was: Was) -> bool:
    """Whether SageMaker's own part is what made requests slower."""
    now, usual = one.overhead_avg_ms, usual_overhead(was, one.setup_ms or 0.0)
    return now is not None and usual is not None and now >= usual.bearable_ms


def slower(one: Signs, was: Was) -> bool:
    now, usual = one.latency_p99_ms, was.latency_p99_ms
    return now is not None and usual is not None and now >= max(SLOWER * usual, usual + SLOWER_MS)


def thrashes(one: Signs, was: Was | None) -> bool:
    """Models are not found loaded, or waiting for them is most of an overhead that rose."""
    hits = one.cache_hit_ratio
    if hits is None or (one.invocations or 0.0) < REQUESTS_AT_LEAST:
        return False
    loading = (1 - hits) * (one.loading_wait_ms or 0.0)
    return hits < HITS or (was is not None and outside(one, was) and loading >= 0.5 * (one.overhead_avg_ms or 0.0))


def of_latency(one: Signs, was: Was | None, whose: str) -> Iterator[Finding]:
    if (one.invocations or 0.0) < REQUESTS_AT_LEAST:
        return
    if was is None or was.latency_p99_ms is None:
        yield from _of_long_waits(one, was, whose)
    if was is None:
        return
    now, usual, slow = one.latency_p99_ms, was.latency_p99_ms, slower(one, was)
    if outside(one, was) and not (slow and now and usual and now >= 3 * usual):
        # While models are loaded for them requests wait outside of the container: that is told by the models.
        if not thrashes(one, was):
            yield _of_overhead(one, was, whose)
        return
    if not slow or now is None or usual is None:
        return
    reasons = [f"model p99 {ms(now)} ms, was {ms(usual)}"]
    if one.overhead_avg_ms is not None:
        reasons.append(f"overhead {ms(one.overhead_avg_ms)} ms, was {ms(was.overhead_avg_ms)}")
    times = load_times(one, was)
    if times is not None:
        load, before = one.invocations_per_instance or 0.0, was.invocations_per_instance or 0.0
        reasons.append(f"{load:,.0f} requests a minute per instance, was {before:,.0f}")
    if one.cpu_percent is not None:
        reasons.append(f"CPU {one.cpu_percent:.0f} % of all vCPUs")
    words = f"p99 {ms(now)} ms, was {ms(usual)}"
    speaks_for: tuple[str, ...] = ("rollback",)
    speaks_against: tuple[str, ...] = ("retrain",)
    if why := strain(one, was):
        words, speaks_for, speaks_against = f"{words}: {why.words}", why.speaks_for, why.speaks_against
    elif times is not None and times >= MORE_LOAD:
        words, speaks_for = f"{words}, {more_load(times)}", ("scale",)
    elif one.cpu_percent is not None and times is not None:
        words, speaks_against = f"{words} at equal load, hosts have room", ("retrain", "scale")
        reasons.append("something that the model calls, or the model itself: look at its logs")
    numbers = {"latency_p99_ms": now, "was": usual}
    told = (*reasons, over(one), days(was))
    sign = Sign.CRITICAL if now >= max(HOPELESS * usual, usual + HOPELESS_MS) else Sign.WARNING
    yield Finding(sign, f"{whose}{words}", told, numbers, speaks_for, speaks_against, "latency", one.variant)


def _of_long_waits(one: Signs, was: Was | None, whose: str) -> Iterator[Finding]:
    """What it was is not read yet: some models take seconds at all times, but not on hosts that are at their end."""
    now, why = one.latency_p99_ms, strain(one, was)
    if now is None or now < HOPELESS_MS or why is None:
        return
    words = f"{whose}p99 {ms(now)} ms: {why.words}"
    told = (f"model p99 {ms(now)} ms", over(one), days(None))
    numbers = {"latency_p99_ms": now}
    yield Finding(Sign.WARNING, words, told, numbers, why.speaks_for, why.speaks_against, "latency", one.variant)


def _of_overhead(one: Signs, was: Was, whose: str) -> Finding:
    now, usual = one.overhead_avg_ms, was.overhead_avg_ms
    return Finding(
        Sign.WARNING,
        f"{whose}overhead {ms(now)} ms, was {ms(usual)}: not the model",
        ("OverheadLatency: size of the requests, authentication or the platform", over(one), days(was)),
        {"overhead_avg_ms": now or 0.0, "was": usual or 0.0},
        (),
        ("rollback", "retrain", "scale"),
        "latency",
        one.variant,
    )


def of_saturation(one: Signs, was: Was | None, whose: str) -> Iterator[Finding]:
    """Processors that work off a queue are busy as they must be: how long requests wait is what tells there."""
    queued = one.backlog is not None
    checks = (
        ("cpu_percent", BUSY_CPU, "CPU", "of all vCPUs"),
        ("gpu_percent", BUSY_GPU, "GPU", "of all GPUs"),
        ("memory_percent", FULL_MEMORY, "memory", "on the fullest instance"),
        ("disk_percent", FULL_DISK, "disk", "on the fullest instance"),
        ("concurrency_utilization_percent", BUSY_SLOTS, "concurrency", "of what is allowed at once"),
    )
    why = strain(one, was)
    against = why.speaks_against if why else ("retrain",)
    for field, limit, what, among in checks:
        value: float | None = getattr(one, field)
        if value is not None and value >= limit and not (queued and field in {"cpu_percent", "gpu_percent"}):
            yield Finding(
                Sign.WARNING,
                f"{whose}{what} {value:.0f} %",
                (f"{what} {value:.0f} % {among}; from {limit:.0f} % on users feel it", over(one)),
                {"percent": value, field: value},
                ("scale",),
                against,
                "saturation",
                one.variant,
            )


def of_waiting(one: Signs, whose: str) -> Iterator[Finding]:
    """What an asynchronous endpoint has not come to yet."""
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
            one.variant,
        )
    elif oldest >= WAITING_S:
        found = queue(one)
        left = found.empty_in if found else None
        rates = f"{found.come:.1f} a minute come, {found.done:.1f} are done" if found else ""
        used = (("CPU", one.cpu_percent), ("GPU", one.gpu_percent))
        busy = ", ".join(f"{what} {value:.0f} %" for what, value in used if value is not None)
        yield Finding(
            Sign.WARNING,
            f"{whose}{waiting:,.0f} wait, the oldest {duration(round(oldest * 1000))}"
            f"{f', empty in ~{duration(left)}' if left is not None else ''}",
            tuple(filter(None, (f"backlog {waiting:,.0f}, oldest request {oldest:,.0f} s", rates, busy))),
            {"backlog": waiting, "oldest_request_s": oldest},
            ("scale",),
            ("retrain",),
            "queue",
            one.variant,
        )


def of_models(one: Signs, was: Was | None, whose: str) -> Iterator[Finding]:
    """A multi-model endpoint whose models do not fit in memory loads them again and again."""
    if not thrashes(one, was) or one.cache_hit_ratio is None:
        return
    wait = f", the others wait {ms(one.loading_wait_ms)} ms" if one.loading_wait_ms else ""
    overhead = f"overhead {ms(one.overhead_avg_ms)} ms" if one.overhead_avg_ms is not None else ""
    # The share of memory in use cannot tell that they do not fit: what was unloaded is not in it.
    room = f"memory {one.memory_percent:.0f} % after unloading" if one.memory_percent is not None else ""
    yield Finding(
        Sign.WARNING,
        f"{whose}models thrash: {100 * one.cache_hit_ratio:.0f} % found loaded{wait}",
        (f"ModelCacheHit {one.cache_hit_ratio:.2f}: models are unloaded for others", room, overhead, over(one)),
        {"cache_hit_ratio": one.cache_hit_ratio},
        ("scale",),
        ("rollback", "retrain"),
        "saturation",
        one.variant,
    )


def of_copies(one: Signs) -> Iterator[Finding]:
    if one.unplaced:
        yield Finding(
            Sign.CRITICAL,
            f"{one.component}: {one.unplaced:,.0f} requests found no copy",
            ("NoCapacityInvocationFailures: no copy of the component is placed", over(one)),
            {"unplaced": one.unplaced},
            ("scale",),
            ("rollback", "retrain"),
            "saturation",
            one.variant,
        )
