"""A console asks 500 queries over three hours a minute; the world must not be what it waits for."""

from __future__ import annotations

import json
import time
from typing import Any

from console.world.cloudwatch.series import Key, Metrics
from console.world.world import World
from tests.world.cloudwatch.ramp import LATENCY, Ramp

MINUTES = 180


def ask(world: World, keys: list[Key], stats: list[str]) -> tuple[float, list[dict[str, Any]]]:
    queries = [
        {
            "Id": f"q{place}",
            "MetricStat": {
                "Metric": {
                    "Namespace": key.namespace,
                    "MetricName": key.metric,
                    "Dimensions": [{"Name": name, "Value": value} for name, value in key.dimensions],
                },
                "Period": 60,
                "Stat": stats[place % len(stats)],
            },
        }
        for place, key in enumerate(keys)
    ]
    now = world.now
    request = {"MetricDataQueries": queries, "StartTime": now - MINUTES * 60, "EndTime": now}
    began = time.perf_counter()
    found = world.call("GetMetricData", request, service="cloudwatch")
    json.dumps(found)
    return time.perf_counter() - began, found["MetricDataResults"]


def test_stored_series() -> None:
    world = World(fleet=0, now=lambda: 1_795_400_000.0)
    stored = world.region().of(Metrics).stored
    keys = [Key.of("Shop", f"M{place}", Host="a") for place in range(500)]
    for key in keys:
        for minute in range(MINUTES + 1):
            stored.datum(key, "Count", int(world.now) - 60 * minute, 60).add([1.0, 2.0], [1.0, 1.0])
    took_s, results = ask(world, keys, ["Sum", "Average", "Maximum"])
    assert all(len(one["Values"]) >= MINUTES for one in results)
    assert took_s < 3.0, "0.3 s on an idle core: the bound is for a busy one"


def test_computed_series_are_read_once_for_all_statistics() -> None:
    world = World(fleet=0, now=lambda: 1_795_400_000.0)
    ramp = Ramp()
    world.region().of(Metrics).sources.append(ramp)
    took_s, results = ask(world, [LATENCY] * 500, ["p50", "p90", "p99", "Average", "SampleCount"])
    assert len(results) == 500 and len(results[0]["Values"]) >= MINUTES - 3
    assert ramp.reads == 1
    assert took_s < 5.0
