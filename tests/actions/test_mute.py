"""Mute and unmute on the embedded world: what is muted, who is told of it, and that the server ends it."""

from __future__ import annotations

from typing import Any

import pytest

from console.actions.desk import ActionDesk
from console.actions.model import Check, Plan, Stage, Verdict
from console.clock import DAY, MINUTE
from console.errors import NotFound, Refused, UsageError
from console.kinds.alarm.mute import _length, rule_for
from console.kinds.alarm.view import views
from console.kinds.base import Sign
from console.ledger.snapshot import Snapshot
from console.world.cloudwatch.alarms import Alarms
from tests.actions.conftest import Rig

ALARM = "delay-risk-5xx"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:ml-oncall"


def mute(rig: Rig, length: str = "", alarm: str = ALARM) -> Plan:
    return rig.plan("mute", alarm, "alarm", **({"for": length} if length else {}))


def unmute(rig: Rig, alarm: str = ALARM) -> Plan:
    return rig.plan("unmute", alarm, "alarm")


def ask(rig: Rig, operation: str, **request: Any) -> Any:
    with rig.world.lock:
        rig.world.advance()
        return rig.world.call(operation, request, service="cloudwatch")


def rules(rig: Rig) -> dict[str, str]:
    with rig.world.lock:
        return {name: rule.status(rig.world.now) for name, rule in rig.world.region().of(Alarms).mutes.items()}


def told(rig: Rig) -> list[str]:
    """Summaries of what the alarm's actions came to, oldest first."""
    answer = ask(rig, "DescribeAlarmHistory", AlarmName=ALARM, HistoryItemType="Action", ScanBy="TimestampAscending")
    return [item["HistorySummary"] for item in answer["AlarmHistoryItems"]]


def turn(rig: Rig, state: str) -> None:
    ask(rig, "SetAlarmState", AlarmName=ALARM, StateValue=state, StateReason="a drill")


def check(plan: Plan, name: str) -> Check:
    return next(c for c in plan.preflight if c.check == name)


def snapshot(rig: Rig) -> Snapshot:
    return Snapshot(rig.ledger, mute(rig).scope, None, rig.now())


def test_a_mute_keeps_its_actions_from_being_taken_and_ends_at_the_server(rig: Rig) -> None:
    plan = mute(rig, "10m")
    assert not plan.refused and "ml-oncall" in check(plan, "actions").detail
    done = rig.apply(plan)
    assert done.stage is Stage.DONE and rules(rig) == {rule_for(ALARM): "ACTIVE"}
    (view,) = views(snapshot(rig), [ALARM])
    assert view.sign is Sign.HELD and view.muted_until == plan.basis["until"]
    turn(rig, "ALARM")
    assert ["not executed: muted" in summary for summary in told(rig)] == [True]
    turn(rig, "OK")
    rig.clock.tick(11 * 60)  # nobody does anything
    turn(rig, "ALARM")
    assert rules(rig) == {rule_for(ALARM): "EXPIRED"} and told(rig)[-1].startswith("Successfully executed")
    assert not views(snapshot(rig), [ALARM])[0].mutes


def test_the_end_is_no_earlier_than_asked_for_and_stands_in_the_calls(rig: Rig) -> None:
    plan = mute(rig)
    (call,) = plan.calls
    assert 0 <= plan.basis["until"] - (rig.now() + 30 * MINUTE) < MINUTE
    schedule = call.params["Rule"]["Schedule"]
    assert schedule["Expression"].startswith("at(20") and schedule["Duration"] in {"PT30M", "PT31M"}
    assert call.params["MuteTargets"] == {"AlarmNames": [ALARM]}
    assert plan.inverse == f"lastgood unmute alarm {ALARM}" and plan.to_json()["after"]["muted_until"]


def test_muting_again_moves_its_end_and_unmuting_tells_who_is_told(rig: Rig) -> None:
    assert rig.apply(mute(rig, "10m")).stage is Stage.DONE
    longer = mute(rig, "2h")
    assert "this ends it later" in check(longer, "muted already").detail
    assert longer.inverse.startswith(f"lastgood mute alarm {ALARM} --for ")
    assert rig.apply(longer).stage is Stage.DONE and len(rules(rig)) == 1
    turn(rig, "ALARM")
    plan = unmute(rig)
    assert check(plan, "state").verdict is Verdict.WARN and "ml-oncall" in plan.causes[0]
    assert plan.inverse == f"lastgood mute alarm {ALARM} --for {(longer.basis['until'] - rig.now()) // MINUTE}m"
    again = mute(rig, plan.inverse.rpartition(" ")[2])
    assert again.basis["until"] == longer.basis["until"]
    assert rig.apply(plan).stage is Stage.DONE and not rules(rig)
    with pytest.raises(Refused, match="is not muted"):
        unmute(rig)


def test_what_somebody_else_mutes_is_told_and_left_alone(rig: Rig) -> None:
    ask(rig, "PutAlarmMuteRule", Name="nightly", MuteTargets={"AlarmNames": [ALARM, "delay-risk-latency-p99"]},
        Rule={"Schedule": {"Expression": "cron(* * * * *)", "Duration": "PT5M"}})  # fmt: skip
    plan = mute(rig)
    assert "rule nightly mutes it, with 1 other alarm" in check(plan, "other mutes").detail and not plan.refused
    refused = unmute(rig)
    assert [c.check for c in refused.refused] == ["our mute"]
    assert rig.apply(plan).stage is Stage.DONE
    seen = rig.apply(unmute(rig))
    assert seen.stage is Stage.DONE and "nightly still mutes it" in seen.words and rules(rig) == {"nightly": "ACTIVE"}


def test_what_a_mute_would_not_keep_quiet_is_said(rig: Rig) -> None:
    ask(rig, "PutCompositeAlarm", AlarmName="all", AlarmRule=f"ALARM({ALARM})", AlarmActions=[TOPIC])
    assert "all follows its state" in check(mute(rig), "composite").detail
    ask(rig, "DisableAlarmActions", AlarmNames=[ALARM])
    assert "nobody is told as it is" in check(mute(rig), "actions").detail
    assert check(mute(rig, alarm="all"), "composite").verdict is Verdict.PASS


def test_a_scaling_policys_alarm_is_not_muted(rig: Rig) -> None:
    name = "TargetTracking-endpoint/delay-risk/variant/AllTraffic-AlarmHigh-7e"
    ask(rig, "PutMetricAlarm", AlarmName=name, Namespace="AWS/SageMaker", MetricName="InvocationsPerInstance",
        Dimensions=[{"Name": "EndpointName", "Value": "delay-risk"}], Statistic="Sum", Period=60,
        EvaluationPeriods=3, Threshold=1000.0, ComparisonOperator="GreaterThanThreshold")  # fmt: skip
    plan = mute(rig, alarm=name)
    assert [c.detail for c in plan.refused] == ["its action scales out: muting it stops the autoscaling"]


def test_a_plan_that_was_overtaken_sends_nothing(rig: Rig) -> None:
    first, second, third = mute(rig, "10m"), mute(rig, "20m"), mute(rig, "5m")
    assert rig.apply(first).stage is Stage.DONE
    assert rig.apply(second).stage is Stage.OVERTAKEN and rig.sent("PutAlarmMuteRule") == 1
    rig.clock.tick(3600)
    assert rig.apply(third).stage is Stage.OVERTAKEN and rig.sent("PutAlarmMuteRule") == 1


def test_an_unmute_that_comes_late_is_not_needed(rig: Rig) -> None:
    rig.apply(mute(rig, "10m"))
    plan = unmute(rig)
    rig.clock.tick(700)
    assert rig.apply(plan).stage is Stage.NOT_NEEDED and rig.sent("DeleteAlarmMuteRule") == 0


@pytest.mark.parametrize("operation", ["PutAlarmMuteRule", "DeleteAlarmMuteRule"])
def test_after_a_lost_answer_it_is_observed_and_not_sent_again(rig: Rig, operation: str) -> None:
    plan = mute(rig)
    if operation == "DeleteAlarmMuteRule":
        rig.apply(plan)
        plan = unmute(rig)
    rig.fault(operation, lose_response=True, times=1)
    assert rig.apply(plan).stage is Stage.DONE and rig.sent(operation) == 1


def test_what_cannot_be_muted(rig: Rig) -> None:
    with pytest.raises(NotFound, match="no alarm nope"):
        mute(rig, alarm="nope")
    for length in ("10s", "16d"):
        with pytest.raises(UsageError, match="--for"):
            mute(rig, length)


def test_rules_have_names_that_fit_and_do_not_collide() -> None:
    names = ["a b", "a/b", "x" * 255, "x" * 254 + "y", "ärger|`$(x)`"]
    found = [rule_for(name) for name in names]
    assert len(set(found)) == len(names)
    assert all(name.isascii() and len(name) <= 255 and name.startswith("lastgood-") for name in found)


def test_durations_as_mute_rules_take_them() -> None:
    assert [_length(ms) for ms in (MINUTE, 30 * MINUTE, 120 * MINUTE, DAY, 15 * DAY, DAY + 61 * MINUTE)] == [
        "PT1M", "PT30M", "PT2H", "P1D", "P15D", "P1DT1H1M",
    ]  # fmt: skip


def test_by_a_clock_that_is_wrong_nothing_is_muted(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ActionDesk, "skew_ms", -20 * MINUTE)
    told = "this host is 20 m ahead of AWS, and so would the mute be: set its clock"
    assert [c.detail for c in mute(rig).refused] == [told]
