"""The vital signs of an endpoint: of each variant, each fleet of a deployment and each inference component. Pure.

Names carry units, None is "no such metric, or nothing arrived" and never 0 (facts/sagemaker.md section 5).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from console.clock import MINUTE, Millis
from console.kinds.vitals.beat import FRESH, PROVISIONAL, SPAN


class Signs(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Of one variant in one minute, or in `minutes` of them together (`over`).

    `config` names one fleet of the variant, `component` an inference component. Requests and errors are counts; the
    latencies are of the container (ModelLatency), the overhead is SageMaker's own part.
    """

    variant: str = ""
    config: str = ""
    component: str = ""
    minutes: int = 1
    invocations: float | None = None
    errors_5xx: float | None = None
    errors_4xx: float | None = None
    model_errors: float | None = None
    latency_p50_ms: float | None = None
    latency_p90_ms: float | None = None
    latency_p99_ms: float | None = None
    overhead_avg_ms: float | None = None
    cpu_percent: float | None = None
    memory_percent: float | None = None
    disk_percent: float | None = None
    gpu_percent: float | None = None
    gpu_memory_percent: float | None = None
    invocations_per_instance: float | None = None
    concurrency_max: float | None = None
    backlog: float | None = None
    backlog_per_instance: float | None = None
    oldest_request_s: float | None = None
    stranded: float | None = None
    """1 while requests wait and no instance is there (HasBacklogWithoutCapacity)."""
    failures: float | None = None
    """Requests of an asynchronous endpoint that failed."""
    cache_hit_ratio: float | None = None
    loading_wait_ms: float | None = None
    concurrency_utilization_percent: float | None = None
    setup_ms: float | None = None
    unplaced: float | None = None
    """Requests for which no copy of the component was there (NoCapacityInvocationFailures)."""
    copies: float | None = None

    @property
    def invocations_per_min(self) -> float | None:
        return None if self.invocations is None else self.invocations / self.minutes

    @property
    def error_rate(self) -> float | None:
        """5XX (asynchronous: failures) of all requests, 0..1: sums over sums; absent while nobody invokes."""
        errors = self.failures if self.errors_5xx is None else self.errors_5xx
        return None if errors is None or not self.invocations else min(1.0, errors / self.invocations)

    @property
    def empty(self) -> bool:
        return all(getattr(self, name) is None for name in MEASURES)

    def to_json(self) -> dict[str, Any]:
        """The numbers there are, by the names of DESIGN.md section 7."""
        told: dict[str, Any] = {"invocations_per_min": self.invocations_per_min, "error_rate": self.error_rate}
        told |= {name: getattr(self, name) for name in MEASURES}
        return {name: _rounded(value) for name, value in told.items() if value is not None}


MEASURES = tuple(name for name in Signs.__struct_fields__ if name not in {"variant", "config", "component", "minutes"})
Merge = Callable[[Sequence[float]], float]


def median(values: Sequence[float]) -> float:
    """The statistics module costs a start 8 ms."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _last(values: Sequence[float]) -> float:
    return values[-1]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


_MERGES: dict[str, Merge] = {
    **dict.fromkeys(("invocations", "errors_5xx", "errors_4xx", "model_errors", "failures", "unplaced"), sum),
    # Percentiles cannot be averaged: the window shows that of its median minute.
    **dict.fromkeys(("latency_p50_ms", "latency_p90_ms", "latency_p99_ms", "overhead_avg_ms"), median),
    **dict.fromkeys(("loading_wait_ms", "setup_ms"), median),
    **dict.fromkeys(("concurrency_max", "concurrency_utilization_percent"), max),
    # A worker is killed at the top, and what it leaves is free a minute later.
    **dict.fromkeys(("memory_percent", "disk_percent"), max),
    **dict.fromkeys(("backlog", "backlog_per_instance", "oldest_request_s", "stranded", "copies"), _last),
    **dict.fromkeys(("cpu_percent", "gpu_percent", "gpu_memory_percent"), _mean),
    **dict.fromkeys(("invocations_per_instance", "cache_hit_ratio"), _mean),
}


def over(minutes: Sequence[Signs]) -> Signs:
    """Several minutes of one variant, oldest first, as one. Counts of minutes that had none are 0 of that minute."""
    first = minutes[0]
    values: dict[str, Any] = {}
    for name in MEASURES:
        known = [value for one in minutes if (value := getattr(one, name)) is not None]
        if known:
            values[name] = float(_MERGES[name](known))
    return Signs(first.variant, first.config, first.component, len(minutes), **values)


def merged(old: Signs, new: Signs) -> Signs:
    """The same minute looked at twice: what the later look did not ask for stays."""
    known = {name: value for name in MEASURES if (value := getattr(new, name)) is not None}
    return msgspec.structs.replace(old, **known)


class Vitals(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A minute of one endpoint."""

    signs: tuple[Signs, ...] = ()


class Was(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One variant in the same hour of the last days: medians over `days` of them; error_rate: sums over sums."""

    variant: str
    days: int = 0
    invocations_per_min: float | None = None
    error_rate: float | None = None
    error_4xx_rate: float | None = None
    latency_p99_ms: float | None = None
    overhead_avg_ms: float | None = None
    cpu_percent: float | None = None
    invocations_per_instance: float | None = None

    def to_json(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in self.__struct_fields__ if name != "variant"}
        return {name: _rounded(value) for name, value in told.items() if value is not None}


class Baseline(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What an endpoint was in this hour of the day; `hour` begins it."""

    hour: Millis
    variants: tuple[Was, ...] = ()


class Full(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A variant in the last window in which requests failed at full memory; `at` ends it."""

    variant: str
    at: Millis
    percent: float
    errors: float
    n: float


class Pulse(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The last SPAN whole minutes of one endpoint, or those since it changed: what its row is drawn and judged from.

    `at` ends the window, `read_at` is when it was read; from `stale_at` on these are numbers of the past, because two
    looks have not come.
    `last_at` is the newest minute in which anything was measured.
    """

    at: Millis
    read_at: Millis
    stale_at: Millis
    variants: tuple[Signs, ...] = ()
    fleets: tuple[Signs, ...] = ()
    components: tuple[Signs, ...] = ()
    was: tuple[Was, ...] = ()
    last_at: Millis | None = None
    invoked_at: Millis | None = None
    """The newest minute with a request."""
    full: tuple[Full, ...] = ()
    detailed: bool = False
    """Whether all metrics were read, or only those of the fleet's query."""
    trace: tuple[float | None, ...] = ()
    """Requests of the last whole minutes, oldest first, to `at`."""
    troubled: bool = False
    """Whether there are findings: a table of a thousand judges only those again."""
    requests_s: float | None = None
    error_rate: float | None = None
    p99_ms: float | None = None
    """Of the variant that takes longest: percentiles of several cannot be averaged."""
    was_ms: float | None = None
    """That one's in the same hour of the last days."""

    def signs_of(self, variant: str, component: str = "") -> Signs | None:
        """Of the inference component where one is named, else of the variant."""
        if component:
            return next((one for one in self.components if one.component == component), None)
        return next((one for one in self.variants if one.variant == variant), None)

    def was_of(self, variant: str) -> Was | None:
        return next((was for was in self.was if was.variant == variant), None)


def summed(beat: Pulse, shadows: Collection[str], *, troubled: bool) -> Pulse:
    """With the numbers of all variants whose answers users get: those of shadows are discarded."""
    serving = [one for one in beat.variants if one.variant not in shadows]
    rates = [rate for one in serving if (rate := one.invocations_per_min) is not None]
    failing = [(one.error_rate, one.invocations) for one in serving if one.error_rate is not None and one.invocations]
    n = sum(invocations for _, invocations in failing)
    slowest = max(serving, key=lambda one: one.latency_p99_ms or -1.0, default=None)
    was = beat.was_of(slowest.variant) if slowest else None
    return msgspec.structs.replace(
        beat,
        troubled=troubled,
        requests_s=round(sum(rates) / 60, 4) if rates else None,
        error_rate=sum(rate * count for rate, count in failing) / n if n else None,
        p99_ms=slowest.latency_p99_ms if slowest else None,
        was_ms=was.latency_p99_ms if was else None,
    )


def pulse(
    minutes: Mapping[Millis, Vitals],
    *,
    now: Millis,
    next_ms: int,
    was: Sequence[Was] = (),
    before: Pulse | None = None,
    detailed: bool = False,
    fields: Container[str] | None = None,
    changed_at: Millis | None = None,
) -> Pulse:
    """The window of whole minutes as of `now`, from what is kept of them; `before` is the pulse of the last look.

    `changed_at`: when what serves became what it is. What was before must not be held against it: as soon as there are
    FRESH minutes since, only those count.
    `fields`: those that this look asked for. Others are kept of some minutes only, and would be sums of those.
    """
    end = (now - PROVISIONAL) // MINUTE * MINUTE
    start = _start(minutes, end, changed_at)
    series: dict[tuple[str, str, str], list[Signs]] = {}
    for at in sorted(minutes):
        if start <= at < end:
            for one in minutes[at].signs:
                series.setdefault((one.variant, one.config, one.component), []).append(one)
    windows = [_only(over(_padded(found, (end - start) // MINUTE)), fields) for found in series.values()]
    seen = [at for at, vitals in minutes.items() if at < end and any(not one.empty for one in vitals.signs)]
    invoked = [at for at, v in minutes.items() if at < end and any(one.invocations for one in v.signs)]
    return Pulse(
        at=end,
        read_at=now,
        stale_at=now + 2 * next_ms + MINUTE // 2,
        variants=tuple(one for one in windows if not one.config and not one.component),
        fleets=tuple(one for one in windows if one.config and detailed),
        components=tuple(one for one in windows if one.component and detailed),
        was=tuple(was) or (before.was if before else ()),
        last_at=max([*seen, *((before.last_at,) if before and before.last_at else ())], default=None),
        invoked_at=max([*invoked, *((before.invoked_at,) if before and before.invoked_at else ())], default=None),
        detailed=detailed,
        trace=_trace(minutes, end, before),
    )


def _only(one: Signs, fields: Container[str] | None) -> Signs:
    if fields is None:
        return one
    return msgspec.structs.replace(one, **{name: None for name in MEASURES if name not in fields})


def _start(minutes: Iterable[Millis], end: Millis, changed_at: Millis | None) -> Millis:
    usual = end - SPAN * MINUTE
    since = -(-(changed_at or 0) // MINUTE) * MINUTE
    if usual < since <= end - FRESH * MINUTE and any(since <= at < end for at in minutes):
        return since
    return usual


def _padded(found: list[Signs], minutes: int) -> list[Signs]:
    """Absent minutes are minutes all the same: requests a minute are of the whole window."""
    return found + [Signs(found[0].variant, found[0].config, found[0].component)] * (minutes - len(found))


TRACE = 30


def _trace(minutes: Mapping[Millis, Vitals], end: Millis, before: Pulse | None) -> tuple[float | None, ...]:
    known: dict[Millis, float | None] = {}
    if before is not None:
        for n, value in enumerate(reversed(before.trace)):
            known[before.at - (n + 1) * MINUTE] = value
    for at, vitals in minutes.items():
        total = requests(vitals.signs)
        if total is not None:
            known[at] = total
    traced = [known.get(end - n * MINUTE) for n in range(TRACE, 0, -1)]
    return tuple(None if value is None else round(value, 1) for value in traced)


def requests(signs: Iterable[Signs]) -> float | None:
    """Of all variants together; fleets and components are parts of these."""
    known = [one.invocations for one in signs if not one.config and not one.component and one.invocations is not None]
    return sum(known) if known else None


def _rounded(value: float) -> float | int:
    whole = round(value, 6)
    return int(whole) if whole == int(whole) else whole


class Shape(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What an endpoint config says about which metrics there are: configs and models never change once made."""

    config: str
    variants: tuple[VariantShape, ...] = ()

    @property
    def name(self) -> str:
        return self.config

    def of(self, variant: str) -> VariantShape:
        return next((one for one in self.variants if one.name == variant), VariantShape(variant))


class VariantShape(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """`flavour`: instances, serverless, async, multi-model or components (facts/sagemaker.md section 2.9)."""

    name: str
    flavour: str = "instances"
    instance_type: str = ""
