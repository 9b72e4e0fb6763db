"""Metrics put and read back by boto3: values, counts, percentiles, periods by age, pages and refusals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.world.cloudwatch import sketch
from console.world.cloudwatch.series import Key, Metrics
from tests.world.cloudwatch.ramp import LATENCY, Ramp
from tests.world.conftest import Lab
from tests.world.test_endpoints import refused

HOUR, DAY = 3600, 86400


def minute(lab: Lab) -> int:
    """Start of the running minute."""
    return int(lab.clock.now) // 60 * 60


def put(lab: Lab, metric: str = "Load", at: float | None = None, **datum: Any) -> None:
    moment = lab.clock.now if at is None else at
    lab.client("cloudwatch").put_metric_data(
        Namespace="Shop", MetricData=[{"MetricName": metric, "Timestamp": moment} | datum]
    )


def query(stat: str = "Sum", period: int = 60, metric: str = "Load", id_: str = "q", **more: Any) -> dict[str, Any]:
    named = {"Namespace": "Shop", "MetricName": metric} | more
    return {"Id": id_, "MetricStat": {"Metric": named, "Period": period, "Stat": stat}}


def get(lab: Lab, *queries: dict[str, Any], start: float, end: float | None = None, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = lab.client("cloudwatch").get_metric_data(
        MetricDataQueries=list(queries), StartTime=start, EndTime=end or lab.clock.now + 60, **more
    )
    return found


def values(lab: Lab, *queries: dict[str, Any], start: float, **more: Any) -> list[list[float]]:
    return [one["Values"] for one in get(lab, *queries, start=start, **more)["MetricDataResults"]]


def denied(lab: Lab, *queries: dict[str, Any], **more: Any) -> tuple[str, str]:
    return refused(lambda **ask: get(lab, *queries, **ask), **more)


@pytest.fixture
def lab(world: Callable[..., Lab]) -> Lab:
    return world(fleet=0)


def test_values_counts_and_sets_are_kept_exactly(lab: Lab) -> None:
    at = minute(lab) - 120
    put(lab, at=at + 1, Values=[1.5, 4.0], Counts=[3.0, 1.0])
    put(lab, at=at + 59, Value=-2.0)
    put(lab, at=at + 60, StatisticValues={"SampleCount": 10, "Sum": 55, "Minimum": 1, "Maximum": 10})
    stats = ["SampleCount", "Sum", "Average", "Minimum", "Maximum"]
    found = values(lab, *(query(stat, id_=f"q{place}") for place, stat in enumerate(stats)), start=at)
    assert found == [[10.0, 5.0], [55.0, 6.5], [5.5, 1.3], [1.0, -2.0], [10.0, 4.0]], "newest first"
    ascending = get(lab, query(), start=at, ScanBy="TimestampAscending")["MetricDataResults"][0]
    assert ascending["Values"] == [6.5, 55.0] and ascending["StatusCode"] == "Complete"
    assert [one.timestamp() for one in ascending["Timestamps"]] == [at, at + 60]
    assert values(lab, query("p50"), start=at) == [[]], "neither a StatisticSet nor negative values have percentiles"
    put(lab, "Flat", at=at, StatisticValues={"SampleCount": 4, "Sum": 8, "Minimum": 2, "Maximum": 2})
    assert values(lab, query("p50", metric="Flat"), start=at) == [[2.0]]


def test_percentiles_of_put_values(lab: Lab) -> None:
    rng = np.random.default_rng(7)
    sample = rng.lognormal(3, 1, 900).round(3)
    for chunk in np.split(sample, 9):  # 100 values a datum: each request is over 10 KiB, which botocore compresses
        lab.client("cloudwatch").put_metric_data(
            Namespace="Shop",
            MetricData=[{"MetricName": "Load", "Values": [float(one)], "Counts": [1.0]} for one in chunk],
        )
    start = minute(lab) - 60
    for stat, quantile in (("p50", 0.5), ("p90", 0.9), ("p99.9", 0.999), ("p0", 0.0), ("p100", 1.0)):
        (found,) = values(lab, query(stat, 300), start=start)
        assert found == [pytest.approx(np.quantile(sample, quantile))], stat
    (trimmed,) = values(lab, query("tm90", 300), start=start)
    assert trimmed == [pytest.approx(np.sort(sample)[:810].mean())]
    (between,) = values(lab, query("TM(10%:90%)", 300), start=start)
    assert between == [pytest.approx(np.sort(sample)[90:810].mean())]
    assert values(lab, query("IQM", 300), start=start)[0][0] == pytest.approx(np.sort(sample)[225:675].mean())


@given(st.integers(0, 10_000), st.floats(3.0, 14.0), st.floats(0.05, 1.5), st.sampled_from([0.01, 0.5, 0.9, 0.99]))
def test_percentiles_of_a_sketch_are_good_to_a_few_percent(seed: int, mean: float, width: float, at: float) -> None:
    sample = np.random.default_rng(seed).lognormal(mean, width, 4000)
    sample = np.clip(sample, 10.0, None)
    bins = np.histogram(sample, sketch.EDGES)[0].astype(float)
    halves = np.stack([bins, bins])
    low, high = np.full(2, sample.min()), np.full(2, sample.max())
    found = sketch.percentile(halves, low, high, at)
    assert found[0] == found[1] == pytest.approx(np.quantile(sample, at, method="inverted_cdf"), rel=0.061)
    kept = np.sort(sample)[: int(at * 4000)]
    assert sketch.trimmed_mean(halves, low, high, 0.0, at)[0] == pytest.approx(kept.mean(), rel=0.035)


def test_a_second_has_a_point_of_its_own_where_the_resolution_is_one(lab: Lab) -> None:
    at = minute(lab) - 60
    for second in range(0, 30, 5):
        put(lab, "Fine", at + second, Value=1.0, StorageResolution=1)
        put(lab, "Coarse", at + second, Value=1.0)
    assert values(lab, query(period=5, metric="Fine"), start=at) == [[1.0] * 6]
    assert values(lab, query(period=10, metric="Fine"), start=at) == [[2.0] * 3]
    assert values(lab, query(period=10, metric="Coarse"), start=at) == [[6.0]], "all on its minute"


def test_dimensions_and_units_must_match(lab: Lab) -> None:
    dimensions = [{"Name": "EndpointName", "Value": "a"}, {"Name": "VariantName", "Value": "b"}]
    put(lab, Value=3.0, Dimensions=dimensions, Unit="Percent")
    start = minute(lab)
    assert values(lab, query(Dimensions=dimensions[::-1]), start=start) == [[3.0]], "their order does not matter"
    assert values(lab, query(Dimensions=dimensions[:1]), query(id_="r"), start=start) == [[], []]
    wrong = query(Dimensions=dimensions)
    wrong["MetricStat"]["Unit"] = "Count"
    assert values(lab, wrong, start=start) == [[]]


@pytest.mark.parametrize(
    ("age_s", "period", "there"),
    [
        (2 * HOUR, 60, True),
        (2 * HOUR, 30, True),
        (4 * HOUR, 30, False),
        (14 * DAY, 60, True),
        (16 * DAY, 60, False),
        (16 * DAY, 300, True),
        (64 * DAY, 300, False),
        (64 * DAY, 3600, True),
        (456 * DAY, 3600, False),
    ],
)
def test_periods_by_age(lab: Lab, age_s: int, period: int, there: bool) -> None:
    """Facts 5.7: a period too short for the age answers nothing, and no error."""
    start = int(lab.clock.now - age_s) // HOUR * HOUR + HOUR
    key = Key.of("Shop", "Load")
    lab.world.region().of(Metrics).stored.datum(key, "None", start, 1).add([1.0], [1.0])
    found = values(lab, query(period=period), start=start, end=start + HOUR)
    assert found == ([[1.0]] if there else [[]])


def test_pages_of_points(lab: Lab) -> None:
    start = minute(lab) - 600
    for place in range(10):
        put(lab, "One", start + 60 * place, Value=float(place))
        put(lab, "Two", start + 60 * place, Value=float(place))
    queries = [query(metric="One", id_="one"), query(metric="None", id_="none"), query(metric="Two", id_="two")]
    first = get(lab, *queries, start=start, MaxDatapoints=12)
    told = [(one["Id"], len(one["Values"]), one["StatusCode"]) for one in first["MetricDataResults"]]
    assert told == [("one", 10, "Complete"), ("none", 0, "Complete"), ("two", 1, "PartialData")]
    second = get(lab, *queries, start=start, MaxDatapoints=12, NextToken=first["NextToken"])
    assert [(one["Id"], len(one["Values"])) for one in second["MetricDataResults"]] == [("two", 9)]
    assert "NextToken" not in second
    cloudwatch = lab.client("cloudwatch")
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=start, EndTime=lab.clock.now, PaginationConfig={"PageSize": 4}
    )
    seen = [value for cut in pages for one in cut["MetricDataResults"] for value in one["Values"]]
    assert seen == [float(place) for place in reversed(range(10))] * 2
    with pytest.raises(cloudwatch.exceptions.InvalidNextToken):
        get(lab, *queries[:1], start=start, NextToken=first["NextToken"])


def test_what_get_metric_data_refuses(lab: Lab) -> None:
    many = [query(id_=f"q{place}") for place in range(501)]
    start = lab.clock.now - 600
    code, message = denied(lab, *many, start=start)
    assert (code, message[-38:]) == ("ValidationError", "must not have a size greater than 500.")
    assert get(lab, *many[:500], start=start)["MetricDataResults"][-1]["Id"] == "q499"
    for code, wrong in (
        ("ValidationError", [query(), query()]),
        ("ValidationError", [query(period=90)]),
        ("ValidationError", [query("p101")]),
        ("ValidationError", [query("Median")]),
        ("ValidationError", [{"Id": "q"}]),
        ("ValidationError", [query() | {"Expression": "q"}]),
    ):
        assert denied(lab, *wrong, start=start)[0] == code, wrong
    assert denied(lab, query(), start=start, end=start)[0] == "ValidationError"
    assert denied(lab, query(id_="UPPER"), start=start)[0] == "ValidationError"


@pytest.mark.parametrize(
    ("datum", "code"),
    [
        ({}, "MissingRequiredParameter"),
        ({"Value": 1.0, "Values": [1.0]}, "InvalidParameterCombination"),
        ({"Values": [1.0], "Counts": [1.0, 2.0]}, "InvalidParameterValue"),
        ({"Values": [1.0] * 151}, "InvalidParameterValue"),
        ({"Value": 1.0, "Timestamp": 0}, "InvalidParameterValue"),
        ({"Value": 1.0, "Timestamp": dt.datetime(2100, 1, 1, tzinfo=dt.UTC)}, "InvalidParameterValue"),
        ({"Value": 1.0, "StorageResolution": 5}, "InvalidParameterValue"),
        ({"Value": 1.0, "Unit": "Bananas"}, "ValidationError"),
    ],
)
def test_what_put_metric_data_refuses(lab: Lab, datum: dict[str, Any], code: str) -> None:
    good = {"MetricName": "Load", "Value": 1.0}
    data = [good, {"MetricName": "Load"} | datum]
    cloudwatch = lab.client("cloudwatch")
    assert refused(cloudwatch.put_metric_data, Namespace="Shop", MetricData=data)[0] == code
    assert cloudwatch.list_metrics()["Metrics"] == [], "nothing of a refused request is stored"
    assert refused(cloudwatch.put_metric_data, Namespace="AWS/Mine", MetricData=[good])[0] == "InvalidParameterValue"


def test_data_are_no_management_events(lab: Lab) -> None:
    put(lab, Value=1.0)
    schedule = {"Expression": "cron(0 2 * * *)", "Duration": "PT1H"}
    lab.client("cloudwatch").put_alarm_mute_rule(Name="nightly", Rule={"Schedule": schedule})
    lab.clock.tick(60)
    (event,) = lab.client("cloudtrail").lookup_events()["Events"]
    assert (event["EventName"], event["EventSource"]) == ("PutAlarmMuteRule", "monitoring.amazonaws.com")


def test_statistics_of_one_metric(lab: Lab) -> None:
    start = minute(lab) - 300
    for place in range(5):
        put(lab, at=start + 60 * place, Values=[1.0, 3.0], Unit="Seconds")
    ask = {"Namespace": "Shop", "MetricName": "Load", "StartTime": start, "EndTime": start + 300}
    statistics = lab.client("cloudwatch").get_metric_statistics
    found = statistics(**ask, Period=60, Statistics=["Average", "Sum"], ExtendedStatistics=["p50"])
    assert len(found["Datapoints"]) == 5
    assert found["Datapoints"][0] | {"Timestamp": 0} == {
        "Timestamp": 0,
        "Average": 2.0,
        "Sum": 4.0,
        "ExtendedStatistics": {"p50": 2.0},
        "Unit": "Seconds",
    }
    long_ = ask | {"StartTime": start - 2 * DAY}
    code, message = refused(statistics, **long_, Period=60, Statistics=["Sum"])
    assert code == "InvalidParameterCombination" and "1440" in message
    assert refused(statistics, **ask, Period=60)[0] == "InvalidParameterCombination"


def test_what_is_listed(lab: Lab) -> None:
    for name in ("a", "b"):
        put(lab, "Load", Value=1.0, Dimensions=[{"Name": "Host", "Value": name}, {"Name": "Zone", "Value": "z"}])
    put(lab, "Other", at=lab.clock.now - 4 * HOUR, Value=1.0)
    lab.world.region().of(Metrics).sources.append(Ramp())
    cloudwatch = lab.client("cloudwatch")

    def names(**ask: Any) -> list[str]:
        return [
            ",".join([one["MetricName"], *(pair["Value"] for pair in one["Dimensions"])])
            for one in cloudwatch.list_metrics(**ask)["Metrics"]
        ]

    assert names(Namespace="Shop") == ["Load,a,z", "Load,b,z", "Other"]
    assert names(Namespace="Shop", RecentlyActive="PT3H") == ["Load,a,z", "Load,b,z"]
    assert names(Dimensions=[{"Name": "Host", "Value": "b"}]) == ["Load,b,z"]
    assert names(Dimensions=[{"Name": "Zone"}], MetricName="Load") == ["Load,a,z", "Load,b,z"]
    assert names(Namespace="AWS/SageMaker", RecentlyActive="PT3H") == [
        "Invocation5XXErrors,ramp,AllTraffic",
        "ModelLatency,ramp,AllTraffic",
    ]
    lab.clock.tick(15 * DAY)
    assert names(Namespace="Shop") == []
    for place in range(501):
        put(lab, f"M{place}", Value=1.0) if place < 3 else lab.world.region().of(Metrics).stored.datum(
            Key.of("Shop", f"M{place}"), "None", int(lab.clock.now), 60
        ).add([1.0], [1.0])
    page = cloudwatch.list_metrics(Namespace="Shop")
    assert len(page["Metrics"]) == 500
    assert len(cloudwatch.list_metrics(Namespace="Shop", NextToken=page["NextToken"])["Metrics"]) == 1


def latency(stat: str, period: int = 60) -> dict[str, Any]:
    metric = {
        "Namespace": LATENCY.namespace,
        "MetricName": LATENCY.metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in LATENCY.dimensions],
    }
    return {"Id": "q", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}


@pytest.mark.parametrize("speed", [1.0, 20.0])
def test_points_of_a_source_arrive_late_and_at_first_in_part(world: Callable[..., Lab], speed: float) -> None:
    lab = world(fleet=0, speed=speed)
    lab.clock.now = minute(lab) + 0.0
    metrics = lab.world.region().of(Metrics)
    metrics.sources.append(Ramp())
    late_s = metrics.late_s(LATENCY)
    assert 60 / speed <= late_s <= 150 / speed
    asked = minute(lab)

    def count() -> float | None:
        (found,) = values(lab, latency("SampleCount"), start=asked, end=asked + 60)
        return found[0] if found else None

    assert count() is None
    lab.clock.now = asked + 60 + late_s / 2 - 0.1
    assert count() is None
    lab.clock.now = asked + 60 + late_s / 2 + 0.1
    part = count()
    assert part is not None and 0 < part < 1000
    lab.clock.now = asked + 60 + late_s + 0.1
    assert count() == 1000
    coarse = values(lab, latency("SampleCount", 300), start=asked // 300 * 300 - 600, end=asked // 300 * 300)
    assert coarse == [[5000.0, 5000.0]]
    assert values(lab, latency("p40"), start=asked, end=asked + 60)[0][0] == pytest.approx(10_000, rel=0.06)
    assert values(lab, latency("p90"), start=asked, end=asked + 60)[0][0] == pytest.approx(50_000, rel=0.06)
    month = values(lab, latency("Sum", 3600), start=asked - 30 * DAY)
    assert len(month[0]) in (720, 721) and month[0][-1] == pytest.approx(60 * 1000 * 30_000)
