"""What goes wrong shows in the metrics that it would show in, and in no others; the logs tell the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from console.world.cloudwatch.sketch import percentile
from console.world.sagemaker.endpoint_logs import MISSING_FEATURE, EndpointLogs, group_of
from console.world.traffic.behaviour import Behaviour, Behaviours
from console.world.traffic.history import Histories
from console.world.traffic.load import capacity_rps, extra_for, factor_for, rps_at
from tests.world.conftest import Lab
from tests.world.traffic.conftest import Gauge, key

ONE = "delay-risk"
LATENCY = key("ModelLatency", ONE)


def rate(gauge: Gauge, metric: str, minutes: int = 10) -> float:
    return gauge.total(key(metric, ONE), minutes) / gauge.total(key("Invocations", ONE), minutes)


def lines(lab: Lab, pattern: str, endpoint: str = ONE) -> list[str]:
    events = lab.client("logs").filter_log_events(logGroupName=group_of(endpoint), filterPattern=pattern)["events"]
    return [one["message"] for one in events]


def test_errors_of_the_container(gauge: Gauge, lab: Lab) -> None:
    assert rate(gauge, "Invocation5XXErrors") < 0.003
    gauge.set("bad", Behaviour(ONE, config="delay-risk-v7", errors=0.2, says="[{stamp}] [{pid}] [ERROR] no such table"))
    lab.clock.tick(660)
    assert rate(gauge, "Invocation5XXErrors") == pytest.approx(0.2, abs=0.01)
    assert rate(gauge, "InvocationModelErrors") == pytest.approx(0.2, abs=0.01)
    assert gauge.total(key("Invocation5XXErrors", "route-cost"), 10) < 100, "nobody else"
    assert lines(lab, '"no such table"') and lines(lab, '"500 265"')
    lab.world.region().of(Behaviours).end("bad")
    lab.clock.tick(660)
    assert rate(gauge, "Invocation5XXErrors") < 0.003
    assert gauge.total(key("Invocation5XXErrors", ONE), 10, ago=11) > 100, "what was measured stays"


def test_a_config_with_a_symptom_fails_in_the_metrics_too(gauge: Gauge, lab: Lab) -> None:
    """One truth: the incident declares the symptom of a config, logs and metrics follow."""
    lab.world.region().of(EndpointLogs).symptoms["delay-risk-v6"] = MISSING_FEATURE
    lab.client("sagemaker").update_endpoint(EndpointName=ONE, EndpointConfigName="delay-risk-v6")
    lab.settle(ONE)
    lab.clock.tick(660)
    assert rate(gauge, "Invocation5XXErrors", 9) == pytest.approx(MISSING_FEATURE.share, abs=0.02)
    assert gauge.total(key("Invocation5XXErrors", ONE, config="delay-risk-v7"), 30) < 100


def test_callers_who_send_something_else(gauge: Gauge, lab: Lab) -> None:
    gauge.set("caller", Behaviour(ONE, bad_requests=0.3))
    lab.clock.tick(660)
    assert rate(gauge, "Invocation4XXErrors") == pytest.approx(0.3, abs=0.02)
    assert rate(gauge, "Invocation5XXErrors") < 0.003
    assert rate(gauge, "InvocationModelErrors") == pytest.approx(0.3, abs=0.02), "the container says no"
    assert lines(lab, '"400 Bad Request"')


def test_saturation_at_any_hour_and_scaling_mends_it(gauge: Gauge, lab: Lab) -> None:
    calm = gauge.p(0.99, LATENCY, 10)
    region = lab.world.region()
    gauge.set("rush", Behaviour(ONE, demand_factor=factor_for(region, ONE, "AllTraffic", 1.02)))
    lab.clock.tick(660)
    assert gauge.p(0.99, LATENCY, 10) > 4 * calm
    assert gauge.mean(key("CPUUtilization", ONE), 10) > 380, "of 400"
    lab.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName=ONE, DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 6}]
    )
    lab.settle(ONE)
    lab.clock.tick(660)
    assert gauge.p(0.99, LATENCY, 10) < 2 * calm
    assert gauge.mean(key("CPUUtilization", ONE), 10) < 300


@pytest.mark.parametrize("endpoint", ["delay-risk", "doc-extract"])
def test_demand_on_top_makes_it_as_busy_as_wished_at_any_hour(gauge: Gauge, lab: Lab, endpoint: str) -> None:
    region, processor = lab.world.region(), "CPUUtilization" if endpoint == ONE else "GPUUtilization"
    lab.clock.tick(-(lab.clock.now % 86400))  # midnight: hardly anybody calls
    more = extra_for(region, endpoint, "AllTraffic", 0.7)
    assert more > 0.4 * capacity_rps_of(lab, endpoint)
    gauge.set("more", Behaviour(endpoint, demand_rps=more))
    lab.clock.tick(7260)
    most, spread = (400, 0.1) if endpoint == ONE else (100, 0.2)  # of few requests, each comes when it likes
    assert gauge.mean(key(processor, endpoint), 120) / most == pytest.approx(0.7, abs=spread)
    assert extra_for(region, endpoint, "AllTraffic", 0.7, on=10) > 2 * more


def capacity_rps_of(lab: Lab, endpoint: str) -> float:
    history = lab.world.region().of(Histories).find(endpoint)
    assert history is not None
    (serving,) = history.at(lab.clock.now)
    return capacity_rps(history.workload, serving)


def test_a_slow_dependency_gets_slower_with_more_hosts(gauge: Gauge, lab: Lab) -> None:
    cpu, per_instance = gauge.mean(key("CPUUtilization", ONE), 10), gauge.total(key("InvocationsPerInstance", ONE), 10)
    gauge.set("store", Behaviour(ONE, dependency_us=100_000, dependency_us_per_host=40_000))
    lab.clock.tick(660)
    slow = gauge.p(0.5, LATENCY, 10)
    assert slow > 220_000
    assert gauge.mean(key("CPUUtilization", ONE), 10) == pytest.approx(cpu, rel=0.25), "it only waits"
    assert gauge.total(key("InvocationsPerInstance", ONE), 10) == pytest.approx(per_instance, rel=0.25)
    assert lines(lab, '"feature store answered"')
    lab.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName=ONE, DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 6}]
    )
    lab.settle(ONE)
    lab.clock.tick(660)
    assert gauge.p(0.5, LATENCY, 10) > slow + 100_000


def test_overhead_is_not_the_model(gauge: Gauge, lab: Lab) -> None:
    model, overhead = gauge.p(0.9, LATENCY, 10), gauge.p(0.9, key("OverheadLatency", ONE), 10)
    gauge.set("big", Behaviour(ONE, overhead_us=200_000))
    lab.clock.tick(660)
    assert gauge.p(0.9, LATENCY, 10) == pytest.approx(model, rel=0.2)
    assert gauge.p(0.9, key("OverheadLatency", ONE), 10) > overhead + 150_000


def test_memory_climbs_and_workers_are_killed(gauge: Gauge, lab: Lab) -> None:
    memory = key("MemoryUtilization", ONE)
    before = gauge.mean(memory, 10)
    gauge.set("leak", Behaviour(ONE, memory_per_hour=60))
    lab.clock.tick(900)
    assert gauge.mean(memory, 3) > before + 5
    lab.clock.tick(5400)
    used = gauge.read(memory, 90)
    assert used.maximum.max() > 93 and used.minimum.min() < 70, "up, and down again"
    killed = lines(lab, '"Perhaps out of memory"')
    assert len(killed) >= 3, "on each of the three instances"
    errors = gauge.read(key("Invocation5XXErrors", ONE), 100)
    assert 2 <= (errors.sum > 100).sum() <= len(killed) + 4, "requests fail in the minutes of the restarts"


def test_a_cache_that_thrashes(gauge: Gauge, lab: Lab) -> None:
    overhead, hit = key("OverheadLatency", "demand-cast"), key("ModelCacheHit", "demand-cast")
    calm = gauge.p(0.95, overhead, 10)
    loaded = gauge.mean(key("LoadedModelCount", "demand-cast"), 10)
    gauge.set("thrash", Behaviour("demand-cast", cold_models=0.4))
    lab.clock.tick(660)
    assert gauge.mean(hit, 10) == pytest.approx(0.588, abs=0.03)
    assert gauge.p(0.95, overhead, 10) > 20 * calm
    assert gauge.mean(key("LoadedModelCount", "demand-cast"), 10) < loaded
    lab.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName="demand-cast",
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 3}],
    )
    lab.settle("demand-cast")
    lab.clock.tick(660)
    assert gauge.mean(hit, 10) > 0.9, "more instances hold more models"


def test_a_backlog_grows_and_is_worked_off(gauge: Gauge, lab: Lab) -> None:
    region, one = lab.world.region(), key("ApproximateBacklogSize", "doc-extract", "")
    factor = 0.4 / rps_at(region, "doc-extract", lab.clock.now)
    gauge.set("batch", Behaviour("doc-extract", demand_factor=factor))
    lab.clock.tick(3600)
    grown = gauge.read(one, 1).maximum[0]
    assert grown > 300
    assert gauge.read(key("ApproximateAgeOfOldestRequest", "doc-extract", ""), 1).maximum[0] > 600
    assert gauge.mean(key("GPUUtilization", "doc-extract"), 5) > 85
    region.of(Behaviours).end("batch")
    lab.clock.tick(3600)
    assert gauge.read(one, 1).maximum[0] < grown


def test_demand_that_swings_and_what_comes_slowly(gauge: Gauge, lab: Lab) -> None:
    gauge.set("swing", Behaviour(ONE, swing=0.5, swing_period_s=1200))
    lab.clock.tick(3660)
    seen = gauge.read(key("Invocations", ONE), 60).sum
    assert seen.max() > 2.2 * seen.min()
    region = lab.world.region()
    region.of(Behaviours).end("swing")
    gauge.set("ramp", Behaviour(ONE, errors=0.4, ramp_s=1200))
    lab.clock.tick(1260)
    errors = gauge.read(key("Invocation5XXErrors", ONE), 20)
    shares = errors.sum / errors.count
    assert shares[2] < 0.1 < shares[10] < 0.3 < shares[-1] <= 0.42


def test_the_same_key_replaces_and_others_add_up(gauge: Gauge, lab: Lab) -> None:
    gauge.set("one", Behaviour(ONE, errors=0.5))
    gauge.set("one", Behaviour(ONE, errors=0.1))
    gauge.set("two", Behaviour(ONE, errors=0.1, variant="AllTraffic"))
    gauge.set("three", Behaviour(ONE, errors=0.1, variant="other"))
    lab.clock.tick(660)
    assert rate(gauge, "Invocation5XXErrors") == pytest.approx(0.2, abs=0.01)
    lab.world.region().of(Behaviours).end("unknown")


def test_durations_shrink_with_speed_and_days_do_not(gauges: Callable[..., Gauge]) -> None:
    gauge = gauges(speed=10)
    gauge.set("leak", Behaviour(ONE, memory_per_hour=60))
    before = gauge.mean(key("MemoryUtilization", ONE), 10)
    gauge.lab.clock.tick(150)
    assert gauge.mean(key("MemoryUtilization", ONE), 1) > before + 5, "25 minutes in 150 seconds"


def test_what_arrives_late(gauge: Gauge, lab: Lab) -> None:
    """Over the wire: the newest minute is not there yet, or only in part; what is asked for in full agrees."""
    lab.clock.now = lab.clock.now // 60 * 60.0
    query = {
        "Id": "n",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/SageMaker",
                "MetricName": "Invocations",
                "Dimensions": [{"Name": "EndpointName", "Value": ONE}, {"Name": "VariantName", "Value": "AllTraffic"}],
            },
            "Period": 60,
            "Stat": "Sum",
        },
    }
    now = lab.clock.now
    answer = lab.client("cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=now - 1800, EndTime=now, ScanBy="TimestampAscending"
    )["MetricDataResults"][0]
    whole = gauge.read(key("Invocations", ONE), 30).sum
    assert 27 <= len(answer["Values"]) <= 29
    assert answer["Values"][:27] == whole[:27].tolist()
    assert answer["Values"][-1] <= whole[len(answer["Values"]) - 1]


def test_the_seed_is_healthy_for_a_week(gauge: Gauge) -> None:
    """No alarm of the seed is red on a good day, at any hour of the week."""
    for name in (
        "delay-risk",
        "search-rank",
        "ads-embed",
        "eta-minutes",
        "fraud-online",
        "price-elastic",
        "route-cost",
    ):
        errors = gauge.read(key("Invocation5XXErrors", name), 7 * 1440)
        assert errors.sum.max() <= 20
        stats = gauge.read(key("ModelLatency", name), 7 * 1440).coarser(60)
        assert stats.bins is not None
        assert percentile(stats.bins, stats.minimum, stats.maximum, 0.99).max() < 250_000
