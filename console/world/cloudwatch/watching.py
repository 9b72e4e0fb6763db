"""What a metric alarm watches: its datapoints read from the series, and judged."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from console.world.cloudwatch import statistics
from console.world.cloudwatch.evaluation import EXTRA, Point, Rule, State, judge
from console.world.cloudwatch.history import VERSION
from console.world.cloudwatch.query import Evaluation, Query, key_of
from console.world.cloudwatch.series import Key, Metrics
from console.world.cloudwatch.sketch import Floats

TOLD = 25
"""Datapoints in StateReasonData, which holds 4,000 characters."""


@dataclass(frozen=True, slots=True)
class Found:
    state: State
    reason: str
    data: str
    """StateReasonData."""


def rule_of(request: Mapping[str, Any]) -> Rule:
    periods = request["EvaluationPeriods"]
    return Rule(
        comparison=request["ComparisonOperator"],
        threshold=float(request["Threshold"]),
        periods=periods,
        needed=request.get("DatapointsToAlarm", periods),
        missing=request.get("TreatMissingData", "missing"),
    )


def queries_of(request: Mapping[str, Any]) -> list[Query]:
    """An alarm on one metric is one on a query of it."""
    if "Metrics" in request:
        return list(request["Metrics"])
    metric = {name: request[name] for name in ("Namespace", "MetricName", "Dimensions") if name in request}
    stat = {
        "Metric": metric,
        "Period": request["Period"],
        "Stat": request.get("Statistic") or request["ExtendedStatistic"],
    }
    return [{"Id": "m1", "MetricStat": stat | ({"Unit": request["Unit"]} if "Unit" in request else {})}]


def period_of(request: Mapping[str, Any]) -> int:
    """Seconds of one datapoint."""
    periods = [query["MetricStat"]["Period"] for query in queries_of(request) if "MetricStat" in query]
    own = [query["Period"] for query in queries_of(request) if query.get("ReturnData", True) and "Period" in query]
    return int(max(periods + own, default=60))


def evaluate(metrics: Metrics, request: Mapping[str, Any], current: State, now: float) -> Found | None:
    """None: the state stays. Only what has arrived whole counts, and the window ends where all of it has: AWS looks
    further back instead, which comes to the same."""
    rule, (evaluation, keys, start, period, points) = rule_of(request), _read(metrics, request, now)
    if _too_few_samples(request, evaluation, keys, start, period, rule.periods):
        return None
    verdict = judge(rule, points, current)
    if verdict is None:
        return None
    data: dict[str, Any] = {"version": VERSION, "queryDate": stamp(now)}
    if verdict.seen:
        data["startDate"] = stamp(verdict.seen[-1].at)
    if "Metrics" not in request:
        data["statistic"] = request.get("Statistic") or request["ExtendedStatistic"]
    if request.get("Unit"):
        data["unit"] = request["Unit"]
    data |= {
        "period": period,
        "recentDatapoints": [point.value for point in reversed(verdict.seen)],
        "threshold": rule.threshold,
        "evaluatedDatapoints": _evaluated(verdict.seen[:TOLD], evaluation, keys, start, period, len(points)),
    }
    return Found(verdict.state, verdict.reason, json.dumps(data))


def datapoints(metrics: Metrics, request: Mapping[str, Any], now: float) -> list[Point]:
    """What an alarm looks at, oldest first: for the scaling policies that it triggers."""
    *_, points = _read(metrics, request, now)
    return [point for point in points if point is not None][-rule_of(request).periods :]


def _read(
    metrics: Metrics, request: Mapping[str, Any], now: float
) -> tuple[Evaluation, list[Key], int, int, list[Point | None]]:
    """The evaluation, its series, the start and length in seconds of its periods, and the datapoints."""
    rule, queries, period = rule_of(request), queries_of(request), period_of(request)
    keys = [key_of(query["MetricStat"]["Metric"]) for query in queries if "MetricStat" in query]
    late_s = max((metrics.late_s(key) for key in keys), default=0.0)
    step = min(period, 60)
    end = int(now - late_s) // step * step
    start = end - period * (rule.periods + EXTRA)
    evaluation = Evaluation(metrics, queries, start, end, now, aligned=False, whole=True)
    results = evaluation.run()
    values = results[0].line.values if results else np.full(rule.periods + EXTRA, np.nan)
    points = [None if np.isnan(value) else Point(start + at * period, float(value)) for at, value in enumerate(values)]
    return evaluation, keys, start, period, points


def _counts(evaluation: Evaluation, key: Key, start: int, period: int, periods: int) -> Floats:
    stats = evaluation.reader().stats(key, start, periods, period)
    return np.zeros(periods) if stats is None else stats.count


def _evaluated(
    seen: tuple[Point, ...], evaluation: Evaluation, keys: list[Key], start: int, period: int, periods: int
) -> list[dict[str, Any]]:
    """Newest first, with the sample count where one metric alone is watched."""
    if len(evaluation.queries) > 1:
        return [{"timestamp": stamp(point.at), "value": point.value} for point in seen]
    counts = _counts(evaluation, keys[0], start, period, periods) if seen else np.zeros(0)
    return [
        {
            "timestamp": stamp(point.at),
            "sampleCount": float(counts[(point.at - start) // period]),
            "value": point.value,
        }
        for point in seen
    ]


def _too_few_samples(
    request: Mapping[str, Any], evaluation: Evaluation, keys: list[Key], start: int, period: int, wanted: int
) -> bool:
    """EvaluateLowSampleCountPercentile=ignore: a percentile of too few samples changes no state."""
    if request.get("EvaluateLowSampleCountPercentile") != "ignore" or "ExtendedStatistic" not in request:
        return False
    counts = _counts(evaluation, keys[0], start, period, wanted + EXTRA)
    some = counts[counts > 0][-wanted:]
    return bool(len(some) and some.min() < statistics.parse(request["ExtendedStatistic"]).least_samples)


def stamp(at: float) -> str:
    """2026-11-23T02:51:00.000+0000"""
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(at * 1000) % 1000:03d}+0000"
