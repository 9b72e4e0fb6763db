"""What each incident tells, and to whom: metrics by fleet, alarms, descriptions, logs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from console.world.incidents import INCIDENTS
from console.world.incidents.ping_failure import NOT_PASSED
from tests.world.incidents.conftest import BEFORE_S, Night

Make = Callable[..., Night]
ERRORS, RISK = "Invocation5XXErrors", "delay-risk"


def test_bad_canary_hurts_a_third_of_one_in_thirty_and_its_guard_is_blind(night: Make) -> None:
    one = night()
    one.world.play("bad-canary")
    one.wait(2)
    live = one.describe(RISK)
    new = live["PendingDeploymentSummary"]["ProductionVariants"][0]
    assert (new["VariantStatus"][0]["Status"], new["CurrentWeight"]) == ("Baking", pytest.approx(1 / 3, abs=0.01))
    left_s = 1800 - (one.clock.now - new["VariantStatus"][0]["StartTime"].timestamp())
    assert 15 * 60 < left_s < 25 * 60, "time to think"
    canary, old = (
        one.ratio(ERRORS, RISK, 5, EndpointConfigName=config) for config in ("delay-risk-v8", "delay-risk-v7")
    )
    assert canary == pytest.approx(1 / 30, rel=0.45) and old < 0.003
    assert one.ratio(ERRORS, RISK, 5) == pytest.approx(1 / 90, rel=0.45)
    served = sum(one.points("Invocations", "Sum", RISK, 5, EndpointConfigName="delay-risk-v8"))
    assert served == pytest.approx(sum(one.points("Invocations", "Sum", RISK, 5)) / 3, rel=0.02)
    guards = [alarm["AlarmName"] for alarm in live["LastDeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]]
    (guard,) = one.cloudwatch.describe_alarms(AlarmNames=["delay-risk-5xx"])["MetricAlarms"]
    assert guard["AlarmName"] in guards and (guard["Statistic"], guard["Threshold"]) == ("Average", 0.05)
    assert [dimension["Name"] for dimension in guard["Dimensions"]] == ["EndpointName", "VariantName"], "both fleets"
    assert one.says(RISK, "unknown categories")


def test_bad_canary_left_alone_reaches_everybody(night: Make) -> None:
    one = night()
    one.world.play("bad-canary")
    with pytest.raises(ClientError, match="in-progress"):
        one.sagemaker.update_endpoint(EndpointName=RISK, EndpointConfigName="delay-risk-v7")
    for _ in range(35):
        one.wait(1)
        assert {one.state(f"{RISK}-{guard}") for guard in ("5xx", "latency-p99")} == {"OK"}
    assert one.describe(RISK)["EndpointConfigName"] == "delay-risk-v8"
    one.wait(15)
    assert one.ratio(ERRORS, RISK) == pytest.approx(1 / 30, rel=0.25), "of all requests now"


def test_a_guard_on_the_new_fleet_alone_would_have_seen_it(night: Make) -> None:
    """Facts, sagemaker 2.8: dimension EndpointConfigName."""
    one = night()
    one.world.play("bad-canary")
    names = {"EndpointName": RISK, "VariantName": "AllTraffic", "EndpointConfigName": "delay-risk-v8"}
    one.cloudwatch.put_metric_alarm(
        AlarmName="canary",
        Namespace="AWS/SageMaker",
        MetricName=ERRORS,
        Dimensions=[{"Name": name, "Value": value} for name, value in names.items()],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=3,
        Threshold=0.02,
        ComparisonOperator="GreaterThanThreshold",
    )
    one.wait(3)
    assert one.state("canary") == "ALARM"


def test_saturation_is_latency_first(night: Make) -> None:
    one = night()
    one.world.play("latency-saturation")
    one.wait(6)
    assert one.state("delay-risk-latency-p99") == "ALARM"
    assert one.ratio(ERRORS, RISK) < 0.03
    assert one.grown("OverheadLatency", "Average", RISK) < 1.3, "the container, not what is around it"
    one.scale(RISK, 5)
    one.wait(10)
    assert one.state("delay-risk-latency-p99") == "OK"


def test_a_slow_dependency_shows_in_latency_and_logs_alone(night: Make) -> None:
    one = night()
    one.world.play("slow-dependency")
    one.wait(6)
    assert one.state("eta-minutes-latency-p99") == "ALARM" and one.state("eta-minutes-5xx") == "OK"
    assert 0.8 < one.grown("CPUUtilization", "Average", "eta-minutes", since_s=BEFORE_S) < 1.25, "it only waits"
    assert one.says("eta-minutes", "feature store answered after")


def test_oom_climbs_and_kills_and_the_logs_say_so(night: Make) -> None:
    one = night()
    one.world.play("oom")
    one.wait(2)
    memory = one.points("MemoryUtilization", "Maximum", "route-cost", 20)
    assert min(memory) < 75 < 92 < max(memory), "up, and down again"
    errors = one.points(ERRORS, "Sum", "route-cost", 20)
    assert sum(value > 500 for value in errors) < 12, "in the minutes of the restarts, not in all"
    assert one.says("route-cost", "Perhaps out of memory") and one.says("route-cost", "Autorestarting worker")
    assert 0.7 < one.grown("ModelLatency", "p50", "route-cost") < 1.4
    one.scale("route-cost", 3)
    one.wait(20)
    assert 70 < max(one.points("MemoryUtilization", "Maximum", "route-cost", 15)) < 98, "recycled in time"
    assert one.ratio(ERRORS, "route-cost", 15) < 0.001


def test_a_caller_that_changed_is_told_by_4xx_alone(night: Make) -> None:
    one = night()
    one.world.play("caller-change")
    one.wait(2)
    assert one.ratio("Invocation4XXErrors", "review-toxic") == pytest.approx(0.3, abs=0.04)
    assert one.ratio(ERRORS, "review-toxic") < 0.003
    assert one.ratio("InvocationModelErrors", "review-toxic") == pytest.approx(0.3, abs=0.04)
    assert one.says("review-toxic", "'text' is a required property") and one.says("review-toxic", '" 400 ')
    assert 0.75 < one.grown("ModelLatency", "p50", "review-toxic") < 1.33


def test_overhead_alarms_nobody(night: Make) -> None:
    one = night()
    one.world.play("overhead")
    one.wait(6)
    assert one.mean("OverheadLatency", "Average", "ads-embed") > 150_000
    assert {one.state(f"ads-embed-{guard}") for guard in ("5xx", "latency-p99")} == {"OK"}, "both look at the model"


def test_a_cache_that_thrashes_tells_it_by_hits_and_overhead(night: Make) -> None:
    one = night()
    one.world.play("mme-thrash")
    one.wait(2)
    assert one.mean("ModelCacheHit", "Average", "demand-cast") == pytest.approx(0.64, abs=0.03)
    assert one.grown("OverheadLatency", "Average", "demand-cast") > 5
    assert one.mean("ModelLoadingWaitTime", "Average", "demand-cast") > 1e6, "microseconds"
    assert one.grown("LoadedModelCount", "Average", "demand-cast") < 0.8
    assert one.ratio(ERRORS, "demand-cast") < 0.003


def test_a_backlog_grows_until_there_are_more_instances(night: Make) -> None:
    one = night()
    one.world.play("async-backlog")
    one.wait(2)

    def size() -> float:
        return one.points("ApproximateBacklogSize", "Maximum", "doc-extract", 1, VariantName="")[0]

    before = size()
    assert before > 100 and one.mean("GPUUtilization", "Average", "doc-extract") > 85
    one.wait(30)
    grown = size()
    assert grown > before + 50
    one.scale("doc-extract", 5)
    one.wait(30)
    assert size() < grown
    assert not one.points("Invocations", "Sum", "doc-extract"), "an asynchronous endpoint has none"


def test_max_capacity_is_told_only_when_asked_for(night: Make) -> None:
    one = night()
    one.world.play("max-capacity")
    one.wait(1)
    assert one.instances("search-rank") == 8 and one.mean("GPUUtilization", "Average", "search-rank") > 85
    assert [activity["StatusCode"] for activity in one.activities("search-rank", 45)] == ["Successful"]
    newest = one.activities("search-rank", 45, reasons=True)[0]
    assert newest["NotScaledReasons"] == [{"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 8}]
    red = one.cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
    assert any("search-rank" in alarm["AlarmName"] and "-AlarmHigh-" in alarm["AlarmName"] for alarm in red)
    one.scale("search-rank", 10)
    one.wait(30)
    assert one.instances("search-rank") <= 8, "a count above the maximum does not last"


def test_no_capacity_keeps_what_serves(night: Make) -> None:
    one = night()
    one.world.play("no-capacity")
    live = one.settle("search-rank")
    assert "InsufficientInstanceCapacity" in live["FailureReason"] and one.instances("search-rank") == 4
    one.roll_back("search-rank")
    live = one.describe("search-rank")
    assert (live["EndpointStatus"], live["EndpointConfigName"]) == ("InService", "search-rank-v23")
    assert "InsufficientInstanceCapacity" in live["FailureReason"], "a roll back needs a second fleet"
    one.wait(150)
    assert one.instances("search-rank") > 4, "AWS has instances again, and Auto Scaling takes them by itself"


def test_quota_says_which_and_how_much(night: Make) -> None:
    one = night()
    one.world.play("quota")
    one.wait(2)
    message = one.activities("eta-minutes", 15)[0]["StatusMessage"]
    assert "'ml.c6i.2xlarge for endpoint usage' is 16 Instances, with current utilization of 16 Instances" in message
    assert one.describe("eta-minutes")["EndpointStatus"] == "InService", "nothing was changed"
    quotas = one.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    named = {quota["QuotaName"]: quota["Value"] for page in quotas for quota in page["Quotas"]}
    assert named["ml.c6i.2xlarge for endpoint usage"] == 16
    one.wait(150)
    assert one.instances("eta-minutes") > 4, "granted"


def test_flapping_is_users_waiting_now_and_then(night: Make) -> None:
    one = night()
    one.world.play("flapping")
    p99 = one.points("ModelLatency", "p99", "eta-minutes", 25)
    assert max(p99) > 4 * min(p99)
    assert min(one.points("CPUUtilization", "SampleCount", "eta-minutes", 25)) < max(
        one.points("CPUUtilization", "SampleCount", "eta-minutes", 25)
    ), "as many samples as instances"
    alternating = one.activities("eta-minutes", 30)
    assert len(alternating) >= 5 and {activity["StatusCode"] for activity in alternating} <= {
        "Successful",
        "InProgress",
    }
    one.register("eta-minutes", SuspendedState={"DynamicScalingInSuspended": True})
    one.wait(40)
    assert not one.activities("eta-minutes", 10)
    assert one.grown("ModelLatency", "p99", "eta-minutes") < 2


def test_ping_failure_breaks_nothing(night: Make) -> None:
    one = night()
    one.world.play("ping-failure")
    live = one.describe("search-rank")
    assert live["PendingDeploymentSummary"]["EndpointConfigName"] == "search-rank-v24"
    one.wait(1)
    live = one.describe("search-rank")
    assert (live["EndpointStatus"], live["EndpointConfigName"]) == ("InService", "search-rank-v23")
    assert live["FailureReason"] == NOT_PASSED and "PendingDeploymentSummary" not in live
    assert one.says("search-rank", "CUDA out of memory")
    one.wait(14)
    assert one.ratio(ERRORS, "search-rank") < 0.003 and one.grown("ModelLatency", "p99", "search-rank") < 1.5
    assert not one.points("Invocations", "Sum", "search-rank", 40, EndpointConfigName="search-rank-v24"), "never served"


def test_a_bad_config_is_found_by_its_alarm_at_speed_1(night: Make) -> None:
    """No state is set by the incident: the alarm is evaluated on what the containers answer."""
    one = night()
    one.world.play("bad-config")
    one.wait(7)
    (alarm,) = one.cloudwatch.describe_alarms(AlarmNames=["delay-risk-5xx"])["MetricAlarms"]
    assert alarm["StateValue"] == "ALARM" and "3 out of the last 3 datapoints [" in alarm["StateReason"]
    one.roll_back(RISK, "delay-risk-v7")
    one.wait(7)
    assert one.state("delay-risk-5xx") == "OK"


def test_incidents_say_what_is_right_and_what_is_not() -> None:
    for one in INCIDENTS.values():
        assert one.right not in one.wrong and one.headline and 1 <= one.speed <= 6, one.name
        assert "retrain" in one.wrong or one.subject.startswith("pipeline/") or one.name == "undone-fix", one.name
