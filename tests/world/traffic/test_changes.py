"""The metrics follow what happens to an endpoint: deployments, weights, capacity, deletion, new endpoints."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from console.world.sagemaker.course import Trouble
from console.world.sagemaker.endpoint_logs import MISSING_FEATURE, EndpointLogs
from console.world.sagemaker.endpoints import Endpoints
from console.world.traffic.behaviour import Behaviour
from console.world.traffic.history import Histories
from console.world.traffic.load import rps_at
from tests.world.conftest import Lab
from tests.world.traffic.conftest import Gauge, key


def test_a_canary_shows_under_its_config_from_its_first_request(gauge: Gauge, lab: Lab) -> None:
    old, new = (key("Invocations", "delay-risk", config=f"delay-risk-v{version}") for version in (7, 6))
    before = gauge.total(key("Invocations", "delay-risk"), 10)
    assert gauge.total(old, 10) == before, "the fleet that a deployment brought keeps its own series"
    policy = {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 33},
            "WaitIntervalInSeconds": 900,
        },
        "TerminationWaitInSeconds": 600,
    }
    lab.client("sagemaker").update_endpoint(
        EndpointName="delay-risk",
        EndpointConfigName="delay-risk-v6",
        DeploymentConfig={"BlueGreenUpdatePolicy": policy},
    )
    lab.clock.tick(120)
    assert gauge.total(new, 1) == 0, "launching"
    lab.clock.tick(120 + 480)
    baking = gauge.total(new, 5) / gauge.total(key("Invocations", "delay-risk"), 5)
    assert baking == pytest.approx(1 / 3, abs=0.02)
    assert gauge.mean(key("CPUUtilization", "delay-risk", config="delay-risk-v6"), 5) > 0
    assert set(gauge.read(key("CPUUtilization", "delay-risk"), 5).count) == {6.0}, "both fleets run"
    lab.settle("delay-risk")
    lab.clock.tick(600)
    assert gauge.total(old, 5) == 0 < gauge.total(new, 5) == gauge.total(key("Invocations", "delay-risk"), 5)


def test_the_minute_of_a_change_has_both(gauge: Gauge, lab: Lab) -> None:
    lab.clock.now = lab.clock.now // 60 * 60.0 + 75.0
    lab.world.advance()
    lab.client("sagemaker").update_endpoint(EndpointName="delay-risk", EndpointConfigName="delay-risk-v6")
    lab.settle("delay-risk", 1.0)
    lab.clock.tick(300)
    each = [gauge.read(key("Invocations", "delay-risk", config=f"delay-risk-v{version}"), 12) for version in (7, 6)]
    whole = gauge.read(key("Invocations", "delay-risk"), 12)
    assert (each[0].count + each[1].count == whole.count).all()
    assert ((each[0].count > 0) & (each[1].count > 0)).sum() == 1, "one minute is shared"
    assert np.ptp(whole.sum) < 0.5 * whole.sum.mean(), "callers noticed nothing"


def test_a_deployment_that_fails_never_has_requests(gauge: Gauge, lab: Lab) -> None:
    lab.world.region().of(Endpoints).bad_configs["delay-risk-v6"] = Trouble(None)
    lab.client("sagemaker").update_endpoint(EndpointName="delay-risk", EndpointConfigName="delay-risk-v6")
    lab.settle("delay-risk", 30.0)
    assert gauge.total(key("Invocations", "delay-risk"), 20) == gauge.total(
        key("Invocations", "delay-risk", config="delay-risk-v7"), 20
    )


def test_weights_and_capacity(gauge: Gauge, lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    busy = gauge.mean(key("CPUUtilization", "fraud-online"), 30)
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="fraud-online",
        DesiredWeightsAndCapacities=[
            {"VariantName": "AllTraffic", "DesiredWeight": 0.5, "DesiredInstanceCount": 12},
            {"VariantName": "challenger", "DesiredWeight": 0.5},
        ],
    )
    lab.settle("fraud-online")
    lab.clock.tick(660)
    champion, challenger = (
        gauge.total(key("Invocations", "fraud-online", name), 10) for name in ("AllTraffic", "challenger")
    )
    assert champion == pytest.approx(challenger, rel=0.01)
    hosts = gauge.read(key("CPUUtilization", "fraud-online"), 10)
    assert set(hosts.count) == {12.0} and hosts.sum.sum() / hosts.count.sum() < busy
    assert gauge.total(key("InvocationsPerInstance", "fraud-online"), 10) == pytest.approx(champion / 12)


def test_a_deleted_endpoint_stops_and_its_past_stays(gauge: Gauge, lab: Lab) -> None:
    lab.client("sagemaker").delete_endpoint(EndpointName="delay-risk")
    lab.clock.tick(1800)
    one = key("Invocations", "delay-risk")
    assert gauge.total(one, 25) == 0 < gauge.total(one, 30, ago=31)
    assert not gauge.read(one, 25).count.any(), "no data is not 0"
    assert gauge.has(one)


def test_a_new_endpoint_has_hosts_and_no_callers(gauge: Gauge, lab: Lab) -> None:
    lab.client("sagemaker").create_endpoint(EndpointName="fresh", EndpointConfigName="delay-risk-v6")
    lab.settle("fresh")
    lab.clock.tick(300)
    assert gauge.names(EndpointName="fresh", VariantName="AllTraffic") == {
        *("CPUUtilization", "MemoryUtilization", "DiskUtilization")
    }
    assert gauge.mean(key("CPUUtilization", "fresh"), 3) < 20


def test_the_past_tells_of_every_release(gauge: Gauge, lab: Lab) -> None:
    history = lab.world.region().of(Histories).find("delay-risk")
    assert history is not None
    assert history.configs == {f"delay-risk-v{version}" for version in range(2, 8)}
    month = history.over(lab.clock.now - 30 * 86400, lab.clock.now)
    mixed = [one for one in month if {serving.config for serving in one.servings if serving.share} > {"delay-risk-v7"}]
    assert mixed, "the canary of the newest release"
    for stretch in month:
        assert sum(one.share for one in stretch.servings) == pytest.approx(1.0)
    failed = lab.world.region().of(Histories).find("price-elastic")
    assert failed is not None and "price-elastic-v10" not in failed.configs, "it never served"


def test_the_same_at_any_moment_of_asking(gauges: Callable[..., Gauge]) -> None:
    """A series is a function of seed, time and what happened: not of when and in which pieces it is read."""
    gauge = gauges()
    born = gauge.lab.clock.now
    one = key("ModelLatency", "delay-risk")
    whole = gauge.read(one, 600)
    parts = [gauge.read(one, 200, ago=ago) for ago in (400, 200, 0)]
    assert np.array_equal(whole.sum, np.concatenate([part.sum for part in parts]))
    gauge.lab.clock.tick(3600)
    assert np.array_equal(gauge.read(one, 600, ago=60).sum, whole.sum)
    again = gauges(now=lambda: born)
    again.lab.clock.now = gauge.lab.clock.now
    assert np.array_equal(again.read(one, 600).sum, gauge.read(one, 600).sum)
    other = gauges(now=lambda: born, seed=2)
    assert not np.array_equal(other.read(one, 600).sum, whole.sum)


def test_a_failing_canary_is_turned_back_by_its_alarm(lab: Lab) -> None:
    """Nobody sets a state: containers fail, metrics say so, the alarm is evaluated, the deployment reverts."""
    lab.world.region().of(EndpointLogs).symptoms["delay-risk-v6"] = MISSING_FEATURE
    routing = {
        "Type": "CANARY",
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 33},
        "WaitIntervalInSeconds": 1800,
    }
    guard = {"Alarms": [{"AlarmName": "delay-risk-5xx"}, {"AlarmName": "delay-risk-latency-p99"}]}
    lab.client("sagemaker").update_endpoint(
        EndpointName="delay-risk",
        EndpointConfigName="delay-risk-v6",
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
            "AutoRollbackConfiguration": guard,
        },
    )
    started = lab.clock.now
    found = lab.settle("delay-risk", 20.0)
    assert found["EndpointConfigName"] == "delay-risk-v7"
    assert found["FailureReason"] == "Auto rollback was triggered: delay-risk-5xx in ALARM state."
    assert 300 < lab.clock.now - started < 900, "three minutes of errors, and what they take to arrive"


def test_an_asynchronous_endpoint_without_instances_waits(gauge: Gauge, lab: Lab) -> None:
    region = lab.world.region()
    gauge.set("busy", Behaviour("doc-extract", demand_factor=0.2 / rps_at(region, "doc-extract", lab.clock.now)))
    lab.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName="doc-extract",
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 0}],
    )
    lab.settle("doc-extract")
    lab.clock.tick(1800)
    (variant,) = lab.client("sagemaker").describe_endpoint(EndpointName="doc-extract")["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 0
    assert gauge.mean(key("HasBacklogWithoutCapacity", "doc-extract", ""), 10) == 1
    assert gauge.read(key("ApproximateBacklogSize", "doc-extract", ""), 1).maximum[0] > 200
    assert not gauge.read(key("CPUUtilization", "doc-extract"), 10).count.any()
    assert gauge.total(key("InvocationsProcesssed", "doc-extract"), 10) == 0
