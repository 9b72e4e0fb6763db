"""PutMetricData, GetMetricData, GetMetricStatistics and ListMetrics. Limits and rules: facts sagemaker 5.7."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from console.world.cloudwatch.paging import page
from console.world.cloudwatch.query import Evaluation, Result, check_period, kept, key_of
from console.world.cloudwatch.series import Key, Metrics
from console.world.cloudwatch.statistics import Reader, parse
from console.world.errors import AwsError
from console.world.identity import Caller
from console.world.operations import operation

if TYPE_CHECKING:
    from console.world.world import Region, World

MOST_QUERIES, MOST_POINTS, MOST_DATA = 500, 100_800, 1000
MOST_STATISTICS_POINTS = 1440
LISTED = 500
RECENT_S = 3 * 3600
_INVALID = "InvalidParameterValue"
_COMBINATION = "InvalidParameterCombination"


@operation("PutMetricData", service="cloudwatch")
def put_metric_data(world: World, region: Region, request: dict[str, Any], caller: Caller) -> None:
    """All data are checked before the first is stored."""
    if request["Namespace"].startswith("AWS/"):
        raise AwsError(_INVALID, "The value AWS/ for parameter Namespace is invalid.")
    data = [
        *request.get("MetricData", ()),
        *(datum for entity in request.get("EntityMetricData", ()) for datum in entity.get("MetricData", ())),
    ]
    if len(data) > MOST_DATA:
        raise AwsError(_INVALID, f"The collection MetricData must not have a size greater than {MOST_DATA}.")
    for index, datum in enumerate(data, 1):
        _check(datum, f"MetricData.member.{index}", world.now)
    stored = region.of(Metrics).stored
    for datum in data:
        key = key_of(datum | {"Namespace": request["Namespace"]})
        moment = int(datum.get("Timestamp", world.now))
        place = stored.datum(key, datum.get("Unit", "None"), moment, datum.get("StorageResolution", 60))
        if summary := datum.get("StatisticValues"):
            place.add_set(summary["Sum"], summary["SampleCount"], summary["Minimum"], summary["Maximum"])
        else:
            values = datum.get("Values") or [datum["Value"]]
            place.add(values, datum.get("Counts") or [1.0] * len(values))


def _check(datum: dict[str, Any], path: str, now: float) -> None:
    given = [name for name in ("Value", "Values", "StatisticValues") if datum.get(name) is not None]
    if not given:
        raise AwsError("MissingRequiredParameter", f"At least one of the parameters must be specified for {path}.")
    if len(given) > 1:
        raise AwsError(_COMBINATION, f"The parameters {path}.{given[0]} and {path}.{given[1]} are mutually exclusive.")
    values, counts = datum.get("Values") or [], datum.get("Counts")
    if len(values) > 150:
        raise AwsError(_INVALID, f"The collection {path}.Values must not have a size greater than 150.")
    if counts is not None and len(counts) != len(values):
        raise AwsError(_INVALID, f"The parameters {path}.Values and {path}.Counts must be of the same length.")
    numbers = [*values, *(counts or ()), *(datum.get("StatisticValues") or {}).values(), datum.get("Value", 0.0)]
    if not all(math.isfinite(number) for number in numbers):
        raise AwsError(_INVALID, f"The value NaN or Infinity for parameter {path}.Value is invalid.")
    if datum.get("StorageResolution", 60) not in (1, 60):
        raise AwsError(_INVALID, f"The parameter {path}.StorageResolution must be 1 or 60.")
    moment = datum.get("Timestamp", now)
    if not now - 14 * 86400 <= moment <= now + 7200:
        rule = "within the last two weeks" if moment < now else "at most two hours in the future"
        raise AwsError(_INVALID, f"The parameter {path}.Timestamp must specify a time {rule}.")


@operation("GetMetricData", service="cloudwatch")
def get_metric_data(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """Timestamps newest first unless ScanBy says otherwise. A call answers MaxDatapoints points, cut anywhere; queries
    cut off are PartialData, those after them come with the NextToken."""
    queries = request["MetricDataQueries"]
    if len(queries) > MOST_QUERIES:
        collection = f"The collection MetricDataQueries must not have a size greater than {MOST_QUERIES}."
        raise AwsError("ValidationError", collection)
    start, end = _range(request)
    results = Evaluation(region.of(Metrics), queries, start, end, world.now).run()
    descending = request.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    lines = [_points(result, descending) for result in results]
    most = request.get("MaxDatapoints", MOST_POINTS)
    if not 0 < most <= MOST_POINTS:
        raise AwsError("ValidationError", f"MaxDatapoints must be between 1 and {MOST_POINTS}.")
    if sum(len(moments) for moments, _ in lines) <= most and "NextToken" not in request:
        cuts = [(index, 0, len(moments)) for index, (moments, _) in enumerate(lines)]
        token = None
    else:
        cuts, token = _cut([len(moments) for moments, _ in lines], request, most)
    return {
        "MetricDataResults": [
            {
                "Id": results[index].id,
                "Label": results[index].label,
                "Timestamps": lines[index][0][begin:until],
                "Values": lines[index][1][begin:until],
                "StatusCode": "Complete" if until == len(lines[index][0]) else "PartialData",
            }
            for index, begin, until in cuts
        ],
        "NextToken": token,
        "Messages": [],
    }


def _range(request: dict[str, Any]) -> tuple[int, int]:
    start, end = math.floor(request["StartTime"]), math.ceil(request["EndTime"])
    if start >= end:
        raise AwsError("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
    return start, end


def _points(result: Result, descending: bool) -> tuple[list[int], list[float]]:
    line = result.line
    where = np.flatnonzero(~np.isnan(line.values))
    if descending:
        where = where[::-1]
    return (line.start + line.period * where).tolist(), line.values[where].tolist()


def _cut(lengths: list[int], request: dict[str, Any], most: int) -> tuple[list[tuple[int, int, int]], str | None]:
    """(index, from, until) of what one page holds."""
    places = [(index, at) for index, length in enumerate(lengths) for at in range(max(1, length))]
    cut, token = page(places, request, most)
    found: dict[int, list[int]] = {}
    for index, at in cut:
        found.setdefault(index, []).append(at)
    return [(index, at[0], min(lengths[index], at[-1] + 1)) for index, at in found.items()], token


@operation("GetMetricStatistics", service="cloudwatch")
def get_metric_statistics(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """Datapoints in no order that one may rely on, as AWS; here: oldest first."""
    names, extended = request.get("Statistics", []), request.get("ExtendedStatistics", [])
    if not names and not extended:
        raise AwsError(_COMBINATION, "At least one of Statistics and ExtendedStatistics must be specified.")
    period = request["Period"]
    check_period(period)
    if request["StartTime"] >= request["EndTime"]:
        raise AwsError(_COMBINATION, "The parameter StartTime must be less than the parameter EndTime.")
    start, end = _range(request)
    start -= start % period
    periods = -(-(end - start) // period)
    if periods > MOST_STATISTICS_POINTS:
        raise AwsError(
            _COMBINATION,
            f"You have requested up to {periods} datapoints, which exceeds the limit of {MOST_STATISTICS_POINTS}. You "
            "may reduce the datapoints requested by increasing Period, or decreasing the time range.",
        )
    metrics, key, unit = region.of(Metrics), key_of(request), request.get("Unit")
    reader = Reader(metrics)
    columns = {name: reader.values(key, parse(name), start, periods, period, unit) for name in [*names, *extended]}
    stats = reader.stats(key, start, periods, period, unit)
    if stats is None or not kept(start, period, world.now):
        return {"Label": request["MetricName"], "Datapoints": []}
    points: list[dict[str, Any]] = []
    for at in np.flatnonzero(stats.count > 0).tolist():
        point: dict[str, Any] = {"Timestamp": start + at * period, "Unit": unit or metrics.unit(key) or "None"}
        point |= {name: float(columns[name][at]) for name in names}
        spread = {name: float(columns[name][at]) for name in extended if not np.isnan(columns[name][at])}
        points.append(point | ({"ExtendedStatistics": spread} if spread else {}))
    return {"Label": request["MetricName"], "Datapoints": points}


@operation("ListMetrics", service="cloudwatch")
def list_metrics(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    found = sorted(set(_wanted(region.of(Metrics), request)))
    if request.get("RecentlyActive"):
        metrics, since = region.of(Metrics), int(world.now) // 60 * 60 - RECENT_S
        found = [key for key in found if _active(metrics, key, since)]
    cut, token = page(found, request, LISTED)
    listed = [
        {
            "Namespace": key.namespace,
            "MetricName": key.metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in key.dimensions],
        }
        for key in cut
    ]
    return {"Metrics": listed, "NextToken": token}


def _wanted(metrics: Metrics, request: dict[str, Any]) -> Iterator[Key]:
    """Dimensions of the request that a metric must have, with that value or any."""
    namespace, metric = request.get("Namespace"), request.get("MetricName")
    filters = request.get("Dimensions", ())
    for key, _ in metrics.series():
        if namespace not in (None, key.namespace) or metric not in (None, key.metric):
            continue
        dimensions = dict(key.dimensions)
        if all(
            one["Name"] in dimensions and one.get("Value", dimensions[one["Name"]]) == dimensions[one["Name"]]
            for one in filters
        ):
            yield key


def _active(metrics: Metrics, key: Key, since: int) -> bool:
    stats = metrics.read(key, since, RECENT_S // 60 + 1, 60)
    return stats is not None and bool((stats.count > 0).any())
