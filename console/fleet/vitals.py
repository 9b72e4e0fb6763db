"""The vital signs of one endpoint in lines: what `lastgood describe` prints of them."""

from __future__ import annotations

from collections.abc import Iterator

from console.clock import Millis, clock_time, duration
from console.kinds.endpoint.view import EndpointView
from console.kinds.vitals.beat import SPAN
from console.kinds.vitals.record import Signs, Was
from console.text import count, few

Cells = tuple[str, ...]


def vital_rows(view: EndpointView, now: Millis) -> Iterator[Cells]:
    """Only what exists for the flavour; a last line says which minutes these are."""
    beat = view.pulse
    if beat is None:
        return
    for one in (*beat.variants, *beat.components):
        who = one.component or one.variant
        was = beat.was_of(one.variant) if not one.component else None
        lines = [" · ".join(line) for line in _lines(one, was) if line] or ["nothing was measured"]
        yield from ((who if not n else "", line) for n, line in enumerate(lines))
    days = max((was.days for was in beat.was), default=0)
    usual = f"; was: in this hour of the last {count(days, 'day')}" if days else "; was: not read yet"
    parts = "" if beat.detailed else "; the rest of the metrics is read while it is on screen or unhealthy"
    minutes = max((one.minutes for one in (*beat.variants, *beat.components)), default=SPAN)
    fresh = " since it changed," if minutes < SPAN else ""
    yield (f"({count(minutes, 'whole minute')}{fresh} to {clock_time(beat.at, now)}{usual}{parts})",)


def fleet_rows(view: EndpointView) -> Iterator[Cells]:
    """The fleets of a deployment side by side, what comes in first: traffic, 5XX with its n, p99."""
    beat, pending = view.pulse, view.endpoint.pending
    if beat is None or pending is None:
        return
    for one in sorted(beat.fleets, key=lambda one: (one.variant, one.config != pending.config)):
        rate, n = one.invocations_per_min, one.invocations
        of_all = sum(o.invocations or 0.0 for o in beat.fleets if o.variant == one.variant)
        yield (
            f"{one.config}{f' {one.variant}' if len(beat.variants) > 1 else ''}",
            "no request" if not n else f"{few((rate or 0.0) / 60)} requests/s ({100 * n / of_all:.0f} %)",
            "" if not n or one.errors_5xx is None
            else f"5XX {100 * one.errors_5xx / n:.2f} % ({one.errors_5xx:,.0f} of {n:,.0f})",
            f"p99 {few(one.latency_p99_ms)} ms" if one.latency_p99_ms is not None else "p99: no data yet" if n else "",
        )  # fmt: skip


def finding_rows(view: EndpointView) -> Iterator[Cells]:
    for finding in view.found:
        yield f"{finding.sign.glyph} {finding.words}", "; ".join(reason for reason in finding.reasons if reason)


def _lines(one: Signs, before: Was | None) -> Iterator[list[str]]:
    was = before or Was("")
    traffic = []
    if (rate := one.invocations_per_min) is not None:
        traffic.append(f"{few(rate / 60)} requests/s{_was(was.invocations_per_min, 60)}")
    if one.error_rate is not None and one.invocations:
        bad = one.errors_5xx if one.errors_5xx is not None else one.failures or 0.0
        name = "5XX" if one.errors_5xx is not None else "failed"
        usual = f", was {100 * was.error_rate:.2f} %" if was.error_rate is not None else ""
        traffic.append(f"{name} {100 * one.error_rate:.2f} % ({bad:,.0f} of {one.invocations:,.0f}){usual}")
    if one.errors_4xx is not None and one.invocations:
        traffic.append(f"4XX {100 * one.errors_4xx / one.invocations:.2f} %")
    if one.model_errors:
        traffic.append(f"{one.model_errors:,.0f} answered so by the container")
    yield traffic
    latency = [
        f"{name} {few(value)} ms{_was(usual)}"
        for name, value, usual in (
            ("p50", one.latency_p50_ms, None),
            ("p90", one.latency_p90_ms, None),
            ("p99", one.latency_p99_ms, was.latency_p99_ms),
            ("overhead", one.overhead_avg_ms, was.overhead_avg_ms),
            ("set up", one.setup_ms, None),
            ("wait for a model", one.loading_wait_ms, None),
        )
        if value is not None
    ]
    yield latency
    yield [
        f"{name} {few(value)} %{_was(usual)}"
        for name, value, usual in (
            ("CPU", one.cpu_percent, was.cpu_percent),
            ("memory", one.memory_percent, None),
            ("disk", one.disk_percent, None),
            ("GPU", one.gpu_percent, None),
            ("GPU memory", one.gpu_memory_percent, None),
            ("concurrency", one.concurrency_utilization_percent, None),
            ("models found loaded", None if one.cache_hit_ratio is None else 100 * one.cache_hit_ratio, None),
        )
        if value is not None
    ]
    load = []
    if one.invocations_per_instance is not None:
        host = "copy" if one.component else "instance"
        load.append(
            f"{few(one.invocations_per_instance)} requests a minute per {host}{_was(was.invocations_per_instance)}"
        )
    if one.concurrency_max is not None:
        load.append(f"at most {one.concurrency_max:,.0f} at once")
    if one.copies is not None:
        load.append(count(round(one.copies), "copy", "copies"))
    if one.backlog is not None:
        oldest = f", the oldest {duration(round(one.oldest_request_s * 1000))}" if one.oldest_request_s else ""
        load.append(f"{one.backlog:,.0f} wait{oldest}")
    if one.unplaced:
        load.append(f"{one.unplaced:,.0f} found no copy")
    yield load


def _was(value: float | None, by: float = 1.0) -> str:
    return "" if value is None else f", was {few(value / by)}"
