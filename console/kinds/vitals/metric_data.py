"""GetMetricData: what is asked for together, what that costs, and the answer as minutes of endpoints.

Up to five statistics of one metric are billed once (facts/sagemaker.md section 5.7).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from math import isfinite
from typing import Any

from console.clock import MINUTE, Millis, to_ms
from console.kinds.vitals.queries import Series
from console.kinds.vitals.record import Signs, Vitals, merged

AT_MOST = 500
"""Queries of one GetMetricData."""
POINTS_AT_MOST = 15_000
"""Of the 100,800 that one answer may hold: while it is parsed a point takes half a kilobyte."""
DOLLARS = 0.01 / 1000
"""Of one metric requested."""

Points = dict[Millis, float]


def billed(series: Iterable[Series]) -> int:
    """Metrics requested, as the bill counts them: statistics of one metric together, up to five."""
    stats: dict[tuple[Any, ...], int] = {}
    for one in series:
        stats[_key(one)] = stats.get(_key(one), 0) + 1
    return sum(-(-n // 5) for n in stats.values())


def batches(series: Sequence[Series], points_each: int) -> Iterator[Sequence[Series]]:
    """As few calls as possible. An endpoint stays in one call if it fits, and statistics of one metric do in any case:
    apart they would be billed twice."""
    room = max(1, min(AT_MOST, POINTS_AT_MOST // max(1, points_each)))
    batch: list[Series] = []
    for _, found in groupby(series, key=lambda one: one.endpoint):
        whole = list(found)
        groups = [whole] if len(whole) <= room else [list(g) for _, g in groupby(sorted(whole, key=_key), key=_key)]
        for group in groups:
            if batch and len(batch) + len(group) > room:
                yield batch
                batch = []
            batch = [*batch, *group]
    if batch:
        yield batch


def _key(one: Series) -> tuple[Any, ...]:
    return one.metric.namespace, one.metric.name, one.dimensions


def request(batch: Sequence[Series], start: Millis, end: Millis, *, period_s: int = 60) -> dict[str, Any]:
    """Of GetMetricData. No Unit: a wrong one would filter everything out."""
    return {
        "StartTime": start / 1000,
        "EndTime": end / 1000,
        "ScanBy": "TimestampAscending",
        "MetricDataQueries": [
            {
                "Id": f"m{n}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": one.metric.namespace,
                        "MetricName": one.metric.name,
                        "Dimensions": [{"Name": key, "Value": value} for key, value in one.dimensions],
                    },
                    "Period": period_s,
                    "Stat": one.metric.stat,
                },
                "ReturnData": True,
            }
            for n, one in enumerate(batch)
        ],
    }


def points(batch: Sequence[Series], answer: Mapping[str, Any], into: dict[int, Points]) -> None:
    """Values of one page by the query's place in its batch, converted; what cannot be converted is absent."""
    for result in answer.get("MetricDataResults", ()):
        n = int(result["Id"][1:])
        one = batch[n]
        for at, value in zip(result.get("Timestamps", ()), result.get("Values", ()), strict=False):
            converted = one.metric.convert(value, one.machine)
            if converted is not None and isfinite(converted):  # metric math may divide by zero
                into.setdefault(n, {})[to_ms(at)] = converted


def minutes_of(batch: Sequence[Series], found: Mapping[int, Points]) -> dict[str, dict[Millis, Vitals]]:
    """Minutes by endpoint. A field that two spellings fill takes the one that has data."""
    signs: dict[str, dict[Millis, dict[tuple[str, str, str], dict[str, float]]]] = {}
    for n, values in found.items():
        one = batch[n]
        who = (one.variant, one.config, one.component)
        for at, value in values.items():
            minute = signs.setdefault(one.endpoint, {}).setdefault(at - at % MINUTE, {})
            minute.setdefault(who, {}).setdefault(one.metric.field, value)
    return {
        name: {
            at: Vitals(tuple(_signs(who, fields) for who, fields in sorted(of.items()))) for at, of in minutes.items()
        }
        for name, minutes in signs.items()
    }


def _signs(who: tuple[str, str, str], fields: dict[str, Any]) -> Signs:
    return Signs(*who, **fields)


def together(old: Vitals | None, new: Vitals) -> Vitals:
    """One minute, of which a look asked some metrics and another one others."""
    if old is None:
        return new
    known = {(one.variant, one.config, one.component): one for one in old.signs}
    for one in new.signs:
        who = (one.variant, one.config, one.component)
        known[who] = merged(known[who], one) if who in known else one
    return Vitals(tuple(known[who] for who in sorted(known)))


def fetch(client: Any, batch: Sequence[Series], start: Millis, end: Millis, period_s: int) -> dict[int, Points]:
    """All pages of one GetMetricData, by the query's place in the batch."""
    found: dict[int, Points] = {}
    asked = request(batch, start, end, period_s=period_s)
    while True:
        answer = client.get_metric_data(**asked)
        points(batch, answer, found)
        if not answer.get("NextToken"):
            return found
        asked["NextToken"] = answer["NextToken"]
