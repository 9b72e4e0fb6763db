"""What an endpoint was in the same hour of the last days: the past that the present is judged against. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.clock import DAY, Millis
from console.kinds.vitals.metric_data import Points
from console.kinds.vitals.queries import Series
from console.kinds.vitals.record import Was, median

DAYS = 7


def usual(name: str, batch: Sequence[Series], found: Mapping[int, Points], hour: Millis) -> tuple[Was, ...]:
    """The same hour of each day before, by variant."""
    days = [hour - n * DAY for n in range(1, DAYS + 1)]
    values: dict[str, dict[str, dict[Millis, float]]] = {}
    for n, points in found.items():
        one = batch[n]
        if one.endpoint == name:
            mine = values.setdefault(one.variant, {}).setdefault(one.metric.field, {})
            for day in days:
                if day in points:
                    mine.setdefault(day, points[day])
    return tuple(_one_was(variant, fields) for variant, fields in values.items() if any(fields.values()))


def _one_was(variant: str, fields: Mapping[str, Mapping[Millis, float]]) -> Was:
    def middle(name: str, by: float = 1.0) -> float | None:
        known = fields.get(name)
        return median(list(known.values())) / by if known else None

    requests = fields.get("invocations", {})
    total = sum(requests.values())

    def rate(name: str) -> float | None:
        return min(1.0, sum(fields[name].values()) / total) if total and name in fields else None

    return Was(
        variant,
        max(map(len, fields.values())),
        middle("invocations", 60.0),
        rate("errors_5xx"),
        rate("errors_4xx"),
        middle("latency_p99_ms"),
        middle("overhead_avg_ms"),
        middle("cpu_percent"),
        middle("invocations_per_instance", 60.0),
    )
