"""Which metrics are asked of which flavour, and every conversion of units."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest

from console.clock import MINUTE
from console.kinds.config.record import from_api
from console.kinds.vitals import queries
from console.kinds.vitals.beat import PROVISIONAL
from console.kinds.vitals.machines import Machine, machine
from console.kinds.vitals.metric_data import batches, billed, minutes_of, points, request, together
from console.kinds.vitals.queries import Metric, Series, of_endpoint
from console.kinds.vitals.record import MEASURES, Shape, Signs, VariantShape, Vitals, merged, over, pulse, summed

AT = dt.datetime(2026, 11, 20, 3, 10, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30)))
MS = round(AT.timestamp() * 1000)


def shape(flavour: str, instance_type: str = "ml.c6i.2xlarge") -> Shape:
    return Shape("c", (VariantShape("v", flavour, instance_type),))


def read(series: list[Series], values: dict[str, float]) -> Signs:
    """The signs of an answer that has these values, by metric name and statistic (`Name Stat`)."""
    results = [
        {"Id": f"m{n}", "Timestamps": [AT], "Values": [values[f"{s.metric.name} {s.metric.stat}"]]}
        for n, s in enumerate(series)
        if f"{s.metric.name} {s.metric.stat}" in values
    ]
    found: dict[int, dict[int, float]] = {}
    points(series, {"MetricDataResults": results}, found)
    (signs,) = minutes_of(series, found)["e"][MS - MS % MINUTE].signs
    return signs


@pytest.mark.parametrize(
    ("flavour", "kind", "values", "numbers"),
    [
        (
            "instances",
            "ml.c6i.2xlarge",
            {
                "Invocations Sum": 1440.0,
                "Invocation5XXErrors Sum": 42.0,
                "Invocation4XXErrors Sum": 3.0,
                "InvocationModelErrors Sum": 45.0,
                "ModelLatency p50": 41_250.0,
                "ModelLatency p90": 80_000.0,
                "ModelLatency p99": 122_300.0,
                "OverheadLatency Average": 4_870.0,
                "CPUUtilization Average": 248.0,
                "MemoryUtilization Maximum": 61.5,
                "DiskUtilization Maximum": 12.0,
                "InvocationsPerInstance Sum": 480.0,
                "ConcurrentRequestsPerModel Maximum": 7.0,
            },
            {
                "invocations_per_min": 1440,
                "error_rate": 0.029167,
                "invocations": 1440,
                "errors_5xx": 42,
                "errors_4xx": 3,
                "model_errors": 45,
                "latency_p50_ms": 41.25,
                "latency_p90_ms": 80,
                "latency_p99_ms": 122.3,
                "overhead_avg_ms": 4.87,
                "cpu_percent": 31,
                "memory_percent": 61.5,
                "disk_percent": 12,
                "invocations_per_instance": 480,
                "concurrency_max": 7,
            },
        ),
        (
            "instances",
            "ml.g5.12xlarge",
            {
                "CPUUtilization Average": 2400.0,
                "GPUUtilization Average": 380.0,
                "GPUMemoryUtilization Maximum": 200.0,
            },
            {"cpu_percent": 50, "gpu_percent": 95, "gpu_memory_percent": 50},
        ),
        (
            "instances",
            "ml.unheard.3xtiny",
            {"CPUUtilization Average": 240.0, "MemoryUtilization Maximum": 5.0},
            {"memory_percent": 5},
        ),
        (
            "serverless",
            "",
            {
                "Invocations Sum": 60.0,
                "Invocations5XXErrors Sum": 6.0,
                "ModelSetupTime Average": 3_400_000.0,
                "ServerlessConcurrentExecutionsUtilization Maximum": 0.925,
                "MemoryUtilization Maximum": 40.0,
            },
            {
                "invocations_per_min": 60,
                "error_rate": 0.1,
                "invocations": 60,
                "errors_5xx": 6,
                "setup_ms": 3400,
                "concurrency_utilization_percent": 92.5,
                "memory_percent": 40,
            },
        ),
        (
            "async",
            "ml.g5.xlarge",
            {
                "InvocationsProcesssed Sum": 10.0,
                "InvocationFailures Sum": 2.0,
                "ApproximateBacklogSize Maximum": 1200.0,
                "ApproximateBacklogSizePerInstance Maximum": 600.0,
                "ApproximateAgeOfOldestRequest Maximum": 480.0,
                "HasBacklogWithoutCapacity Maximum": 0.0,
                "ModelLatency p99": 30e6,
            },
            {
                "invocations_per_min": 10,
                "error_rate": 0.2,
                "invocations": 10,
                "failures": 2,
                "latency_p99_ms": 30_000,
                "backlog": 1200,
                "backlog_per_instance": 600,
                "oldest_request_s": 480,
                "stranded": 0,
            },
        ),
        (
            "multi-model",
            "ml.m5.xlarge",
            {"Invocations Sum": 100.0, "ModelCacheHit Average": 0.42, "ModelLoadingWaitTime Average": 1_800_000.0},
            {"invocations_per_min": 100, "invocations": 100, "cache_hit_ratio": 0.42, "loading_wait_ms": 1800},
        ),
    ],
)
def test_units_are_converted_once(flavour: str, kind: str, values: dict[str, float], numbers: dict[str, Any]) -> None:
    series = of_endpoint("e", shape(flavour, kind), everything=True)
    known = {f"{s.metric.name} {s.metric.stat}" for s in series}
    assert values.keys() <= known
    assert read(series, values).to_json() == numbers


def test_what_is_asked_exists_for_the_flavour() -> None:
    """Against the metrics that the embedded world publishes for each, which follow the Developer Guide."""
    from console.world.traffic import catalogue

    twins = {"components": "host"}
    for flavour in queries.ALL:
        world = catalogue._VARIANT[twins.get(flavour, flavour), True]  # type: ignore[index]
        there = {(metric.namespace, name) for name, metric in world.items()}
        there |= {(metric.namespace, name) for name, metric in catalogue.BACKLOG.items()}
        asked = of_endpoint("e", shape(flavour, "ml.g5.xlarge"), everything=True)
        spelled_otherwise = {"InvocationsProcessed", "Invocations5XXErrors", "Invocations4XXErrors"}
        strange = {s.metric.name for s in asked if (s.metric.namespace, s.metric.name) not in there}
        assert strange <= spelled_otherwise, flavour
        few = {s.metric for s in of_endpoint("e", shape(flavour), everything=False)}
        assert few <= {s.metric for s in asked}, flavour
    assert not any(s.metric.name == "Invocations" for s in of_endpoint("e", shape("async"), everything=True))
    assert not any("CPU" in s.metric.name for s in of_endpoint("e", shape("serverless"), everything=True))
    component = catalogue._BY_COMPONENT[True]
    guests = of_endpoint("e", shape("components"), everything=True, components=[("c1", "v")])
    own = [s for s in guests if s.component]
    assert {s.metric.name for s in own} <= component.keys()
    assert {s.dimensions for s in own} == {(("InferenceComponentName", "c1"),)}


def test_fleets_of_a_deployment_have_their_own_dimension() -> None:
    series = of_endpoint("e", shape("instances"), everything=True, configs=("v1", "v2"))
    fleets = [s for s in series if s.config]
    assert {dict(s.dimensions)["EndpointConfigName"] for s in fleets} == {"v1", "v2"}
    assert {s.metric.field for s in fleets} >= {"invocations", "errors_5xx", "latency_p99_ms"}


def test_the_bill_counts_metrics_and_not_statistics() -> None:
    everything = of_endpoint("e", shape("instances"), everything=True)
    assert len(everything) == 13 and billed(everything) == 11, "p50, p90 and p99 of one metric are one"
    assert billed(of_endpoint("e", shape("instances"), everything=False)) == 3


def test_batches_are_of_500_and_no_endpoint_is_torn() -> None:
    series = [s for n in range(100) for s in of_endpoint(f"e{n:03}", shape("instances"), everything=True)]
    found = list(batches(series, 10))
    assert sum(map(len, found)) == len(series) and max(map(len, found)) <= 500 and len(found) == 3
    homes = [{s.endpoint for s in batch} for batch in found]
    assert sum(map(len, homes)) == 100
    assert sum(map(billed, found)) == billed(series)
    many = Shape("c", tuple(VariantShape(f"v{n}", "instances", "ml.m5.xlarge") for n in range(60)))
    torn = of_endpoint("big", many, everything=True)
    assert sum(map(billed, batches(torn, 10))) == billed(torn) and len(list(batches(torn, 10))) == 2
    assert max(map(len, batches(series, 1_000))) <= 100, "at most 100,800 points in a call"
    asked = request(found[0], MS - 10 * MINUTE, MS)
    assert len({q["Id"] for q in asked["MetricDataQueries"]}) == len(found[0])
    assert all("Unit" not in q["MetricStat"] for q in asked["MetricDataQueries"])


def test_what_is_no_number_is_absent() -> None:
    """Metric math may divide by zero; a scale made of it would end the plot."""
    metric = Metric("latency_p99_ms", "AWS/SageMaker", "ModelLatency", "p99")
    batch = [Series("e", "v", "", "", metric, (("EndpointName", "e"), ("VariantName", "v")))]
    values = [math.nan, math.inf, -math.inf, 12.0]
    times = [dt.datetime.fromtimestamp(60 * n, dt.UTC) for n in range(4)]
    found: dict[int, dict[int, float]] = {}
    points(batch, {"MetricDataResults": [{"Id": "m0", "Timestamps": times, "Values": values}]}, found)
    assert found == {0: {180_000: 12.0}}


def test_absent_is_not_zero() -> None:
    assert Signs("v").to_json() == {} and Signs("v").empty
    assert Signs("v", invocations=0.0, errors_5xx=0.0).error_rate is None
    window = over([Signs("v"), Signs("v", invocations=10.0, errors_5xx=1.0, latency_p99_ms=9.0), Signs("v")])
    assert (window.minutes, window.invocations, window.error_rate, window.cpu_percent) == (3, 10.0, 0.1, None)
    assert math.isclose(window.invocations_per_min or 0, 10 / 3)


def test_error_rate_is_sums_over_sums_and_percentiles_are_not_averaged() -> None:
    busy, calm = Signs("v", invocations=900.0, errors_5xx=9.0), Signs("v", invocations=100.0, errors_5xx=11.0)
    assert over([busy, calm]).error_rate == 20 / 1000
    p99s = [Signs("v", latency_p99_ms=ms) for ms in (10.0, 1000.0, 12.0)]
    assert over(p99s).latency_p99_ms == 12.0


def test_a_later_look_keeps_what_it_did_not_ask() -> None:
    old = Signs("v", invocations=9.0, cpu_percent=20.0)
    assert merged(old, Signs("v", invocations=10.0)) == Signs("v", invocations=10.0, cpu_percent=20.0)
    both = together(Vitals((old,)), Vitals((Signs("w", invocations=1.0), Signs("v", errors_5xx=1.0))))
    assert [s.variant for s in both.signs] == ["v", "w"] and both.signs[0].cpu_percent == 20.0


def test_minutes_that_may_not_be_whole_are_not_judged() -> None:
    now = MS + 20 * 1000
    minutes = {MS - n * MINUTE: Vitals((Signs("v", invocations=100.0 + n),)) for n in range(10)}
    beat = pulse(minutes, now=now, next_ms=MINUTE)
    assert beat.at <= now - 150_000 and beat.variants[0].minutes == 5
    assert beat.variants[0].invocations == sum(100.0 + n for n in range(4, 9))
    assert beat.trace[-1] == 104.0 and beat.trace[-3] == 106.0
    later = pulse({}, now=now + MINUTE, next_ms=MINUTE, before=beat)
    assert later.trace[-2] == 104.0 and later.trace[-1] is None and later.invoked_at == beat.invoked_at


def test_minutes_of_before_a_change_are_not_held_against_what_serves_now() -> None:
    now = MS + 20 * 1000
    end = (now - PROVISIONAL) // MINUTE * MINUTE
    minutes = {MS - n * MINUTE: Vitals((Signs("v", invocations=100.0, errors_5xx=1.0 + n),)) for n in range(12)}

    def window(changed_at: int | None) -> Signs:
        return pulse(minutes, now=now, next_ms=MINUTE, changed_at=changed_at).variants[0]

    assert window(None).minutes == window(end - 60 * MINUTE).minutes == 5
    since = window(end - 3 * MINUTE - 1)
    assert (since.minutes, since.invocations, since.invocations_per_min) == (3, 300.0, 100.0)
    assert window(end - 2 * MINUTE).minutes == 2
    assert window(end - 2 * MINUTE + 1).minutes == 5, "one whole minute is not enough: the old ones go on counting"
    assert window(end + MINUTE).minutes == 5
    silent = {at: vitals for at, vitals in minutes.items() if at < end - 3 * MINUTE}
    assert pulse(silent, now=now, next_ms=MINUTE, changed_at=end - 3 * MINUTE).variants, "nothing came since"


def test_the_row_has_no_shadow_in_it() -> None:
    signs = (
        Signs("a", minutes=5, invocations=300.0, errors_5xx=3.0, latency_p99_ms=50.0),
        Signs("b", minutes=5, invocations=100.0, errors_5xx=1.0, latency_p99_ms=80.0),
        Signs("s", minutes=5, invocations=400.0, errors_5xx=400.0, latency_p99_ms=999.0),
    )
    minutes = {MS - n * MINUTE: Vitals(signs) for n in range(10)}
    beat = summed(pulse(minutes, now=MS, next_ms=MINUTE), ["s"], troubled=False)
    assert (beat.requests_s, beat.error_rate, beat.p99_ms) == (6.6667, 0.01, 80.0)


def test_every_measure_has_a_way_to_be_put_together() -> None:
    from console.kinds.vitals.record import _MERGES

    assert set(_MERGES) == set(MEASURES)


@pytest.mark.parametrize(
    ("name", "has"),
    [
        ("ml.m5.large", Machine(2, 0)),
        ("ml.t2.medium", Machine(2, 0)),
        ("ml.c7g.medium", Machine(1, 0)),
        ("ml.m5.xlarge", Machine(4, 0)),
        ("ml.c6i.32xlarge", Machine(128, 0)),
        ("ml.g4dn.xlarge", Machine(4, 1)),
        ("ml.g4dn.16xlarge", Machine(64, 1)),
        ("ml.g5.48xlarge", Machine(192, 8)),
        ("ml.g6e.12xlarge", Machine(48, 4)),
        ("ml.p3.16xlarge", Machine(64, 8)),
        ("ml.p4d.24xlarge", Machine(96, 8)),
        ("ml.p3.5xlarge", None),
        ("ml.p99.2xlarge", None),
        ("", None),
        ("hostile\x1b[31m", None),
    ],
)
def test_vcpus_of_instance_types(name: str, has: Machine | None) -> None:
    assert machine(name) == has


def test_a_config_tells_the_flavour() -> None:
    config = {
        "EndpointConfigName": "c",
        "ProductionVariants": [
            {"VariantName": "a", "ModelName": "m", "InstanceType": "ml.m5.xlarge"},
            {"VariantName": "b", "ModelName": "many", "InstanceType": "ml.m5.xlarge"},
            {"VariantName": "c", "ModelName": "m", "ServerlessConfig": {"MaxConcurrency": 5}},
            {"VariantName": "d", "InstanceType": "ml.m5.xlarge"},
            {"VariantName": "e", "ModelName": "m", "InstancePools": [{"InstanceType": "ml.m5.xlarge"}]},
        ],
        "ShadowProductionVariants": [{"VariantName": "s", "ModelName": "m", "InstanceType": "ml.m5.xlarge"}],
    }
    models = {"m": {"PrimaryContainer": {"Mode": "SingleModel"}}, "many": {"Containers": [{"Mode": "MultiModel"}]}}
    told = queries.shape_of(from_api(config, models))
    assert [v.flavour for v in told.variants] == ["instances", "multi-model", "serverless", "components", "instances"]
    assert told.of("e").instance_type == "" and told.of("gone") == VariantShape("gone")
    asynchronous = queries.shape_of(from_api(config | {"AsyncInferenceConfig": {"OutputConfig": {}}}, models))
    assert asynchronous.of("a").flavour == "async"
