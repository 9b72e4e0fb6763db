"""The course of one vital sign over time: what CloudWatch told, what the ledger kept, and both together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from console.clock import MINUTE, Millis, iso
from console.kinds.vitals.beat import PROVISIONAL
from console.kinds.vitals.metric_data import Points
from console.kinds.vitals.queries import Series
from console.kinds.vitals.record import MEASURES, Vitals
from console.kinds.vitals.spans import Window

COUNTS = frozenset(
    {"invocations", "errors_5xx", "errors_4xx", "model_errors", "failures", "unplaced", "invocations_per_instance"}
)
"""Sums over the period; all others are of the moment or statistics of the period."""

INSTANCES = "instances"
"""Told by what DescribeEndpoint and Search said, not by CloudWatch."""

Who = tuple[str, str, str]
"""(variant, config of one fleet, inference component)."""


class Course(msgspec.Struct, frozen=True, gc=False):
    """One value for each period from `start` on; None is a gap: no such data, never zero.

    Names, units and conversions are those of `Signs`; counts are of one period.
    """

    variant: str
    config: str
    component: str
    metric: str
    start: Millis
    period_s: int
    values: tuple[float | None, ...]

    @property
    def who(self) -> Who:
        return self.variant, self.config, self.component

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.variant, self.config, self.component, self.metric

    @property
    def empty(self) -> bool:
        return all(value is None for value in self.values)

    def to_json(self) -> dict[str, Any]:
        return {
            "variant": self.variant or None,
            "config": self.config or None,
            "component": self.component or None,
            "metric": self.metric,
            "unit": unit_of(self.metric),
            "start": iso(self.start),
            "period_s": self.period_s,
            "values": [None if value is None else round(value, 6) for value in self.values],
        }


_UNITS = (("_ms", "ms"), ("_percent", "percent"), ("_s", "s"), ("_ratio", "ratio"))


def unit_of(metric: str) -> str:
    if metric in COUNTS:
        return "count per period"
    return next((unit for end, unit in _UNITS if metric.endswith(end)), "count")


def from_json(item: Mapping[str, Any], start: Millis) -> Course:
    """What `to_json` made; `start` as milliseconds."""
    who = (item["variant"] or "", item["config"] or "", item["component"] or "")
    return Course(*who, item["metric"], start, item["period_s"], tuple(item["values"]))


def from_points(asked: Sequence[Series], found: Mapping[int, Points], window: Window) -> list[Course]:
    """One course for each field that was asked for, also where nothing came. Of two spellings the one with data
    counts."""
    made: dict[tuple[str, str, str, str], dict[Millis, float]] = {}
    for n, one in enumerate(asked):
        points = made.setdefault((one.variant, one.config, one.component, one.metric.field), {})
        for at, value in found.get(n, {}).items():
            points.setdefault(at - at % window.period, value)
    return [Course(*key, window.start, window.period_s, _row(points, window)) for key, points in made.items()]


def from_minutes(minutes: Iterable[tuple[Millis, Vitals]], window: Window) -> list[Course]:
    """What the ledger kept, for a window of minutes; nothing for one of longer periods."""
    if window.period != MINUTE:
        return []
    made: dict[tuple[str, str, str, str], dict[Millis, float]] = {}
    for at, vitals in minutes:
        for one in vitals.signs:
            for field in MEASURES:
                if (value := getattr(one, field)) is not None:
                    made.setdefault((one.variant, one.config, one.component, field), {})[at] = value
    return [Course(*key, window.start, window.period_s, _row(points, window)) for key, points in made.items()]


def _row(points: Mapping[Millis, float], window: Window) -> tuple[float | None, ...]:
    return tuple(points.get(window.start + n * window.period) for n in range(window.periods))


def together(asked: Sequence[Course], kept: Sequence[Course], window: Window, asked_at: Millis) -> list[Course]:
    """Both in one window. What was still filling up when it was asked for gives way to what was kept later."""
    settled = asked_at - PROVISIONAL - MINUTE
    known = {one.key: placed(one, window) for one in kept}
    made = []
    for one in asked:
        told, later = placed(one, window), known.pop(one.key, ())
        if later:
            told = tuple(
                new if new is not None and (old is None or window.start + n * window.period >= settled) else old
                for n, (old, new) in enumerate(zip(told, later, strict=True))
            )
        made.append(msgspec.structs.replace(one, start=window.start, period_s=window.period_s, values=told))
    by_key = {one.key: one for one in kept}
    made += [
        msgspec.structs.replace(by_key[key], start=window.start, period_s=window.period_s, values=row)
        for key, row in known.items()
    ]
    return made


def placed(one: Course, window: Window) -> tuple[float | None, ...]:
    """Its values on the window's grid; of another period it has none there."""
    if one.period_s != window.period_s:
        return (None,) * window.periods
    shift = (window.start - one.start) // window.period
    return tuple(one.values[n + shift] if 0 <= n + shift < len(one.values) else None for n in range(window.periods))


def sampled(courses: Iterable[Course], window: Window) -> list[Course]:
    """Instances, from how many samples a period had: each sends one a minute."""
    minutes = window.period / MINUTE
    return [
        msgspec.structs.replace(one, values=tuple(None if v is None else float(round(v / minutes)) for v in one.values))
        for one in courses
    ]


def counted(seen: Sequence[Course], counts: Sequence[Course], window: Window) -> list[Course]:
    """Instances: as they were observed; where nobody watched, by their samples. Those that contradict what was observed
    are of instances that publish more often, and say nothing."""
    found = {one.key: placed(one, window) for one in seen}
    for one in counts:
        told, known = placed(one, window), found.get(one.key, (None,) * window.periods)
        both = [(a, b) for a, b in zip(known, told, strict=True) if a is not None and b is not None]
        if not both or any(abs(a - b) <= 1 for a, b in both):
            found[one.key] = tuple(b if a is None else a for a, b in zip(known, told, strict=True))
    return [Course(*key, window.start, window.period_s, row) for key, row in found.items()]
