"""Alarms as the embedded world evaluates them, watched, listed and told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from console.clock import MINUTE
from console.fleet.alarms import states
from console.fleet.describe import lines
from console.kinds.alarm.view import AlarmView, alarms_of
from console.kinds.base import Sign
from console.kinds.registry import kind_of
from console.triage.needs import needs
from console.world.traffic.behaviour import Behaviour, Behaviours
from tests.kinds.conftest import Bench

Make = Callable[..., Bench]
GUARD = "delay-risk-5xx"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:ml-oncall"
POLICY = "arn:aws:autoscaling:eu-central-1:123456789012:scalingPolicy:x:resource/sagemaker/endpoint/delay-risk"
LOW = "TargetTracking-endpoint/delay-risk/variant/AllTraffic-AlarmLow-1f"
HIGH = "TargetTracking-endpoint/delay-risk/variant/AllTraffic-AlarmHigh-1f"


def ask(bench: Bench, operation: str, **request: Any) -> None:
    """Somebody else, of CloudWatch."""
    with bench.world.lock:
        bench.world.advance()
        bench.world.call(operation, request, service="cloudwatch")


def put(bench: Bench, name: str, **more: Any) -> None:
    """An alarm on the errors of delay-risk that tells the people on call."""
    request = {
        "AlarmName": name,
        "AlarmActions": [TOPIC],
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocation5XXErrors",
        "Dimensions": [{"Name": "EndpointName", "Value": "delay-risk"}, {"Name": "VariantName", "Value": "AllTraffic"}],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 20.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    ask(bench, "PutMetricAlarm", **(request | more))


def look(bench: Bench) -> None:
    """Endpoints with their policies, then alarms."""
    bench.want("endpoint", "delay-risk")
    for source in ("endpoints", "endpoints", "alarms"):
        assert not bench.look(source)[1]


def wait(bench: Bench, name: str, state: str) -> AlarmView:
    for _ in range(20):
        bench.tick(60)
        assert not bench.look("alarms")[1]
        view: AlarmView = bench.view("alarm", name)
        if view.alarm.state == state:
            return view
    raise AssertionError(f"{name} never {state}")


def misbehave(bench: Bench, **what: Any) -> None:
    with bench.world.lock:
        bench.world.region().of(Behaviours).set("trouble", Behaviour(endpoint="delay-risk", **what))


def behave(bench: Bench) -> None:
    with bench.world.lock:
        bench.world.region().of(Behaviours).end("trouble")


def test_errors_are_told_by_the_alarm_that_guards_the_endpoint(bench: Make) -> None:
    """The world's own metrics and evaluation: green, red, green again, and all of it in the ledger."""
    made = bench()
    look(made)
    view = made.view("alarm", GUARD)
    assert (view.sign, view.verdict.words, view.endpoints) == (Sign.OK, "ok", ("delay-risk",))
    misbehave(made, errors=0.3)
    red = wait(made, GUARD, "ALARM")
    assert red.sign is Sign.CRITICAL and red.verdict.words.startswith("in ALARM since")
    assert any("Threshold Crossed" in reason for reason in red.verdict.reasons)
    behave(made)
    wait(made, GUARD, "OK")
    seen = states(made.snapshot, GUARD)
    assert [move.state for move in seen] == ["OK", "ALARM", "OK"]
    assert seen[1].lasted_ms is not None and seen[1].lasted_ms >= MINUTE and seen[2].lasted_ms is None
    told = dict(lines(kind_of("alarm"), made.view("alarm", GUARD), made.snapshot, made.now))
    assert told["red when"] == "Sum of Invocation5XXErrors > 20 for 3 of 3 min"
    assert told["tells"] == "ml-oncall" and "states" in told


def test_what_guards_an_endpoint_is_told_with_its_state(bench: Make) -> None:
    made = bench()
    look(made)
    policy = made.call("DescribeEndpoint", EndpointName="delay-risk")["LastDeploymentConfig"]
    listed = {alarm["AlarmName"] for alarm in policy["AutoRollbackConfiguration"]["Alarms"]}
    mine = alarms_of(made.snapshot, ["delay-risk"])["delay-risk"]
    assert {view.name for view in mine if view.guards} == listed
    assert all(any("covers both fleets" in limit for limit in view.limits) for view in mine if view.guards)
    told = lines(kind_of("endpoint"), made.view("endpoint", "delay-risk"), made.snapshot, made.now)
    at = [label for label, _ in told].index("alarms")
    assert GUARD in told[at][1] and "guard" in told[at][1] and "250 ms" in "".join(text for _, text in told)


def test_whether_it_guards_is_not_known_before_the_endpoint_is_described(bench: Make) -> None:
    """Search has no deployment policy: an endpoint that rests is described once somebody looks at it."""
    made = bench()
    for source in ("endpoints", "alarms"):
        assert not made.look(source)[1]
    columns = {column.id: column for column in kind_of("alarm").columns}
    view = made.view("alarm", GUARD)
    assert view.undescribed == ("delay-risk",) and columns["role"].cell(view, made.now).text == "?"
    look(made)
    view = made.view("alarm", GUARD)
    assert not view.undescribed and columns["role"].cell(view, made.now).text in {"guard", "–"}


def test_sensors_of_scaling_policies_are_never_red_for_little_load(bench: Make) -> None:
    made = bench()
    for name, sign in ((LOW, "LessThanThreshold"), (HIGH, "GreaterThanThreshold")):
        put(made, name, MetricName="InvocationsPerInstance", ComparisonOperator=sign, AlarmActions=[POLICY],
            Threshold=1e9 if name == LOW else 0.0)  # fmt: skip
    look(made)
    low, high = wait(made, LOW, "ALARM"), wait(made, HIGH, "ALARM")
    assert low.sign is Sign.OK and "little load" in low.verdict.words
    assert high.sign is Sign.MOVING and "scales out" in high.verdict.words
    assert not [need for need in needs(made.snapshot) if need.kind == "alarm"]
    made.tick(1200)
    assert made.view("alarm", HIGH).sign is Sign.WARNING
    rows = lines(kind_of("endpoint"), made.view("endpoint", "delay-risk"), made.snapshot, made.now)
    assert not any("TargetTracking" in text for _, text in rows)


def test_composites_are_watched_by_their_children_and_others_are_left_out(bench: Make) -> None:
    made = bench()
    put(made, "cpu-of-the-shop", Namespace="AWS/EC2", MetricName="CPUUtilization", Dimensions=[])
    ask(made, "PutCompositeAlarm", AlarmName="all-of-it", AlarmRule=f'ALARM({GUARD}) OR ALARM("cpu-of-the-shop")')
    ask(made, "PutCompositeAlarm", AlarmName="of-the-shop", AlarmRule="ALARM(cpu-of-the-shop)")
    look(made)
    names = {view.name for view in kind_of("alarm").views(made.snapshot, None)}
    assert "all-of-it" in names and not names & {"cpu-of-the-shop", "of-the-shop"}
    view = made.view("alarm", "all-of-it")
    assert view.endpoints == ("delay-risk",) and made.view("alarm", GUARD).parents == ("all-of-it",)
    assert dict(lines(kind_of("alarm"), view, made.snapshot, made.now))["follows"] == GUARD


def test_a_deleted_alarm_is_gone_and_a_sweep_at_rest_writes_nothing(bench: Make) -> None:
    made = bench()
    put(made, "mine")
    look(made)
    wait(made, "mine", "OK")
    before = len(made.snapshot.history("alarm"))
    calls, _ = made.look("alarms")
    assert calls == {"DescribeAlarms": 1, "ListAlarmMuteRules": 1}
    assert len(made.snapshot.history("alarm")) == before
    ask(made, "DeleteAlarms", AlarmNames=["mine"])
    made.tick(600)
    made.look("alarms")
    assert not kind_of("alarm").views(made.snapshot, ["mine"])


def test_between_full_lists_the_red_ones_and_those_somebody_waits_for_are_read(bench: Make) -> None:
    made = bench()
    put(made, "mine")
    put(made, "other", Threshold=1e6)
    look(made)
    wait(made, "mine", "OK")
    misbehave(made, errors=0.3)
    wait(made, "mine", "ALARM")
    ask(made, "DeleteAlarms", AlarmNames=["mine"])
    put(made, "other", Threshold=2e6)
    made.look("alarms")
    assert made.view("alarm", "other").alarm.threshold == 1e6, "nobody looks, and it is not red"
    made.want("alarm", "other")
    calls, _ = made.look("alarms")
    assert calls["DescribeAlarms"] == 2
    assert not kind_of("alarm").views(made.snapshot, ["mine"]), "it was red and is not: asked by name"
    assert made.view("alarm", "other").alarm.threshold == 2e6, "it is on screen"


def test_mute_rules_of_others_are_seen_and_read_once(bench: Make) -> None:
    made = bench()
    ask(
        made,
        "PutAlarmMuteRule",
        Name="nightly",
        Rule={"Schedule": {"Expression": "cron(* * * * *)", "Duration": "PT5M"}},
        MuteTargets={"AlarmNames": [GUARD, "delay-risk-latency-p99"]},
    )
    look(made)
    view = made.view("alarm", GUARD)
    assert view.sign is Sign.HELD and view.verdict.words == "muted by nightly" and view.muted_until is None
    assert view.mutes[0].alarms == 2 and view.to_json()["muted"] is True
    assert made.look("alarms")[0] == {"DescribeAlarms": 1, "ListAlarmMuteRules": 1}
    ask(made, "DeleteAlarmMuteRule", AlarmMuteRuleName="nightly")
    made.look("alarms")
    assert made.view("alarm", GUARD).sign is Sign.OK


def test_without_permission_for_mute_rules_alarms_are_told_all_the_same(bench: Make) -> None:
    made = bench()
    made.world.faults.add(operation="ListAlarmMuteRules", code="AccessDeniedException", status=403)
    look(made)
    view = made.view("alarm", GUARD)
    assert view.alarm.mutes is None and view.sign is Sign.OK and view.to_json()["muted"] is None
    assert dict(lines(kind_of("alarm"), view, made.snapshot, made.now))["muted"].startswith("not known")


def test_a_source_that_dies_keeps_what_was_seen(bench: Make) -> None:
    made = bench()
    look(made)
    seen = [view.name for view in kind_of("alarm").views(made.snapshot, None)]
    made.world.faults.add(operation="DescribeAlarms", code="InternalServiceFault", status=500)
    assert made.look("alarms")[1]
    assert [view.name for view in kind_of("alarm").views(made.snapshot, None)] == seen


@pytest.mark.parametrize("enabled", [True, False])
def test_a_red_alarm_that_no_endpoint_explains_needs_somebody(bench: Make, enabled: bool) -> None:
    made = bench()
    put(made, "tight", Threshold=-1.0, ActionsEnabled=enabled)
    look(made)
    view = wait(made, "tight", "ALARM")
    assert view.sign is (Sign.CRITICAL if enabled else Sign.WARNING)
    assert ("nobody is told" in view.verdict.words) is not enabled
    found = [need.subject for need in needs(made.snapshot) if need.kind == "alarm"]
    assert found == (["tight"] if enabled else [])


def test_an_alarm_that_cannot_fire_at_this_traffic_says_so(bench: Make) -> None:
    """By the vital signs, which are read from the same world."""
    made = bench()
    put(made, "never", Threshold=1e6)
    look(made)
    assert not any("at this traffic" in limit for limit in made.view("alarm", "never").limits)
    assert not made.look("metrics")[1]
    assert any("never fires at this traffic" in limit for limit in made.view("alarm", "never").limits)
