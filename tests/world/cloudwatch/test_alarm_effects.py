"""What follows from states of alarms: composites, actions and their muting, guardrails; and the fleet's own alarms."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable

import pytest

from console.world.incidents.release import service_named
from console.world.seed import deployment_config
from tests.world.cloudwatch.test_alarms import TOPIC, alarm, described, feed, history, state
from tests.world.cloudwatch.test_metrics import minute, put
from tests.world.conftest import Lab
from tests.world.test_endpoints import refused


@pytest.fixture
def lab(world: Callable[..., Lab]) -> Lab:
    lab = world(fleet=0)
    lab.clock.now = minute(lab) + 1.0
    return lab


def test_composite_alarms(lab: Lab) -> None:
    cloudwatch = lab.client("cloudwatch")
    for name in ("a", "b c"):
        alarm(lab, name)
    rule = (
        'ALARM(a) AND NOT (ALARM("b c") OR INSUFFICIENT_DATA(arn:aws:cloudwatch:eu-central-1:123456789012:alarm:b c))'
    )
    cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule=rule, AlarmActions=[TOPIC])
    assert cloudwatch.describe_alarms()["CompositeAlarms"] == [], "metric alarms only, unless asked for"
    assert state(lab, "both") == "OK"

    def turn(name: str, to: str) -> str:
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=to, StateReason="x")
        return state(lab, "both")

    assert [turn("a", "ALARM"), turn("b c", "OK"), turn("b c", "ALARM"), turn("b c", "OK")] == [
        "OK",
        "ALARM",
        "OK",
        "ALARM",
    ]
    assert "alarm:b c transitioned to OK at " in described(lab, "both")["StateReason"]
    assert ("Action", f"Successfully executed action {TOPIC}") in history(lab, AlarmTypes=["CompositeAlarm"])
    children = cloudwatch.describe_alarms(ChildrenOfAlarmName="both")["MetricAlarms"]
    assert [one["AlarmName"] for one in children] == ["a", "b c"]
    parents = cloudwatch.describe_alarms(ParentsOfAlarmName="a")["CompositeAlarms"]
    assert [one["AlarmName"] for one in parents] == ["both"]
    assert refused(cloudwatch.delete_alarms, AlarmNames=["a"])[0] == "ValidationError"
    cloudwatch.delete_alarms(AlarmNames=["a", "both"])
    for wrong in ("ALARM(a", "ALARM()", "a", "ALARM(b) AND", "ALARM(nope)", "OK(b c) OK(b c)", ""):
        if wrong:
            refusal = refused(cloudwatch.put_composite_alarm, AlarmName="x", AlarmRule=wrong)
            assert refusal[0] == "ValidationError", wrong


def test_a_muted_alarm_moves_but_does_not_act(lab: Lab) -> None:
    alarm(lab)
    feed(lab, 1.0, 1.0)
    cloudwatch = lab.client("cloudwatch")
    lab.clock.now = minute(lab) + 1.0
    at = dt.datetime.fromtimestamp(lab.clock.now, dt.UTC)
    schedule = {"Expression": f"at({at:%Y-%m-%dT%H:%M})", "Duration": "PT10M"}
    rule = {"Name": "drill", "Rule": {"Schedule": schedule}, "MuteTargets": {"AlarmNames": ["load"]}}
    cloudwatch.put_alarm_mute_rule(**rule)
    found = cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName="drill")
    assert (found["Status"], found["MuteType"], found["MuteTargets"]) == (
        "ACTIVE",
        "ONE_TIME",
        {"AlarmNames": ["load"]},
    )
    feed(lab, *[50.0] * 5)
    assert state(lab) == "ALARM"
    actions = [summary for kind, summary in history(lab) if kind == "Action"]
    assert actions == [f"Action {TOPIC} not executed: muted by alarm mute rule drill"]
    feed(lab, *[50.0] * 6)
    assert cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName="drill")["Status"] == "EXPIRED"
    actions = [summary for kind, summary in history(lab) if kind == "Action"]
    assert actions[0] == f"Successfully executed action {TOPIC}", "still red when the window closed"
    (listed,) = cloudwatch.list_alarm_mute_rules(AlarmName="load")["AlarmMuteRuleSummaries"]
    assert listed["AlarmMuteRuleArn"].endswith(":alarm-mute-rule:drill")
    assert cloudwatch.list_alarm_mute_rules(Statuses=["ACTIVE"])["AlarmMuteRuleSummaries"] == []
    cloudwatch.delete_alarm_mute_rule(AlarmMuteRuleName="drill")
    cloudwatch.delete_alarm_mute_rule(AlarmMuteRuleName="drill")
    gone = refused(cloudwatch.get_alarm_mute_rule, AlarmMuteRuleName="drill")
    assert gone[0] == "ResourceNotFoundException"
    for wrong in (
        {"Expression": "every day", "Duration": "PT1H"},
        {"Expression": "cron(0 25 * * *)", "Duration": "PT1H"},
        {"Expression": "cron(0 2 * * *)", "Duration": "PT30S"},
        {"Expression": "cron(0 2 * * *)", "Duration": "P16D"},
        {"Expression": "cron(0 2 * * *)", "Duration": "PT1H", "Timezone": "Mars/Olympus"},
    ):
        refusal = refused(cloudwatch.put_alarm_mute_rule, Name="x", Rule={"Schedule": wrong})
        assert refusal[0] == "ValidationError", wrong


def test_a_deployment_follows_what_its_alarm_measures(world: Callable[..., Lab]) -> None:
    """No state is set by anybody: errors are put, the alarm is evaluated, the deployment turns back."""
    lab = world()
    sagemaker = lab.client("sagemaker")
    alarm(lab, "mine")
    policy = deployment_config(service_named(lab.world, "delay-risk"))
    policy["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": "mine"}]}
    sagemaker.update_endpoint(EndpointName="delay-risk", EndpointConfigName="delay-risk-v6", DeploymentConfig=policy)
    for _ in range(60):
        found = sagemaker.describe_endpoint(EndpointName="delay-risk")
        new = found.get("PendingDeploymentSummary", {}).get("ProductionVariants", [{}])[0]
        put(lab, Value=100.0 if new.get("CurrentWeight") else 0.0)
        lab.clock.tick(30)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "delay-risk-v7")
    assert "mine in ALARM state" in found["FailureReason"]


def test_the_alarms_of_a_healthy_fleet_stay_quiet_day_and_night(world: Callable[..., Lab]) -> None:
    """On the generated traffic: evaluated for real, with datapoints in the reason, and never red."""
    lab = world()
    for _ in range(12):
        lab.clock.tick(7200)
        red = lab.client("cloudwatch").describe_alarms(StateValue="ALARM")["MetricAlarms"]
        owned = [one for one in red if not one["AlarmName"].startswith("TargetTracking-")]  # low ones are red at rest
        assert [(one["AlarmName"], one["StateReason"]) for one in owned] == []
    found = described(lab, "delay-risk-5xx")
    assert found["StateReason"].startswith("Threshold Crossed: 3 out of the last 3 datapoints [")
    assert found["StateReason"].endswith("(minimum 1 datapoint for ALARM -> OK transition).")
    assert lab.clock.now - found["StateTransitionedTimestamp"].timestamp() > 20 * 86400
    p99 = json.loads(described(lab, "delay-risk-latency-p99")["StateReasonData"])
    assert p99["statistic"] == "p99" and all(1_000 < value < 250_000 for value in p99["recentDatapoints"])
