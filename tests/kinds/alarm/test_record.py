"""Alarms in words, and what each cannot see: pure, on answers as DescribeAlarms gives them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.clock import MINUTE, to_ms
from console.kinds.alarm.record import (
    Alarm,
    Metric,
    Mute,
    children,
    composite_alarm,
    metric_alarm,
    mute_from_api,
    relevant,
)
from console.kinds.alarm.sight import EndpointSeen, PendingSeen, VariantSeen, limits
from console.kinds.alarm.view import judge
from console.kinds.alarm.words import threshold
from console.kinds.base import Sign

NOW = 1_795_489_920_000
AT = datetime.fromtimestamp(NOW / 1000, UTC)
GUARD_POLICY = {
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "risk"}]},
    "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "CANARY", "WaitIntervalInSeconds": 180}},
}
RISK = EndpointSeen("risk", "risk-v7", None, (VariantSeen("AllTraffic"),), GUARD_POLICY)


def answer(metric: str = "Invocation5XXErrors", stat: str = "Sum", limit: float = 20.0, **more: Any) -> dict[str, Any]:
    dimensions = more.pop("dimensions", {"EndpointName": "risk", "VariantName": "AllTraffic"})
    return {
        "AlarmName": "risk",
        "AlarmArn": "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:risk",
        "StateValue": "OK",
        "StateTransitionedTimestamp": AT,
        "Namespace": "AWS/SageMaker",
        "MetricName": metric,
        ("Statistic" if stat in {"Sum", "Average", "Minimum", "Maximum"} else "ExtendedStatistic"): stat,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        "Period": 60,
        "EvaluationPeriods": 3,
        "Threshold": limit,
        "ComparisonOperator": "GreaterThanThreshold",
    } | more


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (answer("ModelLatency", "p99", 250_000.0), "p99 of ModelLatency > 250 ms for 3 of 3 min"),
        (answer("ModelLatency", "p99", 12_500_000.0), "p99 of ModelLatency > 12.5 s for 3 of 3 min"),
        (answer(DatapointsToAlarm=2), "Sum of Invocation5XXErrors > 20 for 2 of 3 min"),
        (answer(stat="Average", limit=0.05), "Average of Invocation5XXErrors > 5 % for 3 of 3 min"),
        (answer(Period=300), "Sum of Invocation5XXErrors > 20 for 3 of 3 periods of 5 min"),
        (answer(Period=10), "Sum of Invocation5XXErrors > 20 for 3 of 3 periods of 10 s"),
        (
            answer("MemoryUtilization", "Maximum", 90.0, Namespace="/aws/sagemaker/Endpoints"),
            "Maximum of MemoryUtilization > 90 % for 3 of 3 min",
        ),
        (
            answer(
                "ApproximateAgeOfOldestRequest", "Maximum", 600.0, ComparisonOperator="GreaterThanOrEqualToThreshold"
            ),
            "Maximum of ApproximateAgeOfOldestRequest >= 600 s for 3 of 3 min",
        ),
        (answer("TimeInBacklog", "p90", 4000.0), "p90 of TimeInBacklog > 4,000 ms for 3 of 3 min"),
        (answer("ModelLatency", "p99", 1e6, Namespace="Shop"), "p99 of ModelLatency > 1,000,000 for 3 of 3 min"),
        (
            answer(Threshold=None, ComparisonOperator="GreaterThanUpperThreshold"),
            "Sum of Invocation5XXErrors rises above its expected band for 3 of 3 min",
        ),
    ],
)
def test_thresholds_have_the_units_of_people(asked: dict[str, Any], words: str) -> None:
    assert threshold(metric_alarm(asked)) == words


def ratio() -> dict[str, Any]:
    def query(id_: str, name: str) -> dict[str, Any]:
        one = answer(name)
        metric = {key: one[key] for key in ("Namespace", "MetricName", "Dimensions")}
        stat = {"Metric": metric, "Period": 60, "Stat": "Sum"}
        return {"Id": id_, "MetricStat": stat, "ReturnData": False}

    gone = {"Namespace", "MetricName", "Statistic", "Dimensions", "Period"}
    math = {"Id": "e1", "Expression": "100 * FILL(bad, 0) / all", "ReturnData": True}
    return {key: value for key, value in answer(limit=5.0).items() if key not in gone} | {
        "Metrics": [query("bad", "Invocation5XXErrors"), query("all", "Invocations"), math]
    }


def test_metric_math_is_told_by_its_metrics() -> None:
    alarm = metric_alarm(ratio())
    words = "100 * FILL(Sum of Invocation5XXErrors, 0) / Sum of Invocations > 5 for 3 of 3 min"
    assert threshold(alarm) == words and {m.endpoint for m in alarm.metrics} == {"risk"}
    assert not [said for said in limits(alarm, {"risk": RISK}) if "counts errors" in said]


def test_composites_by_names_and_arns() -> None:
    rule = 'ALARM("a (b)") AND NOT OK(c) OR INSUFFICIENT_DATA(arn:aws:cloudwatch:eu-central-1:1:alarm:d) OR TRUE'
    assert children(rule) == ("a (b)", "c", "d")
    alarm = composite_alarm({"AlarmName": "all", "AlarmRule": rule, "StateValue": "OK"})
    assert threshold(alarm) == rule and alarm.composite and limits(alarm, {}) == ()


LIMITS = [
    (answer(stat="Average", limit=5.0), "never fires: the average of Invocation5XXErrors is a ratio"),
    (answer("ModelLatency", "p99", 250.0), "ModelLatency is in microseconds: 250 are 0.25 ms"),
    (answer(stat="p99"), "a percentile of Invocation5XXErrors means nothing"),
    (answer(dimensions={"EndpointName": "risk"}), "sees nothing: Invocation5XXErrors exists by endpoint and variant"),
    (answer(dimensions={"EndpointName": "risk", "VariantName": "Blue"}), "sees nothing: risk has no variant Blue"),
    (answer(dimensions={"EndpointName": "gone", "VariantName": "x"}), "sees nothing: there is no endpoint gone"),
    (answer(), "covers both fleets"),
    (answer(), "counts errors: with more traffic"),
    (answer(), "never fires at this traffic: 12 requests in a period"),
    (answer(), "needs about 5 m to fire, the first traffic of risk waits 3 m"),
    (answer(stat="Average", limit=0.05), "a share of requests"),
    (answer("ModelLatency", "Average", 250_000.0), "an average of latency hides the slow ones"),
    (answer(TreatMissingData="notBreaching"), "no data counts as good"),
    (answer(TreatMissingData="breaching"), "no data counts as bad"),
    (answer("Invocation4XXErrors"), "4XX are the callers' errors"),
]


@pytest.mark.parametrize(("asked", "said"), LIMITS, ids=[said[:30] for _, said in LIMITS])
def test_what_it_cannot_see(asked: dict[str, Any], said: str) -> None:
    told = limits(metric_alarm(asked), {"risk": RISK}, ("risk",), {("risk", "AllTraffic"): 12.0})
    assert [one for one in told if one.startswith(said)], told


def test_one_fleet_and_enough_time_and_traffic() -> None:
    of_config = {"EndpointName": "risk", "VariantName": "AllTraffic", "EndpointConfigName": "risk-v6"}
    patient = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"WaitIntervalInSeconds": 900}}}
    seen = EndpointSeen("risk", "risk-v6", PendingSeen("risk-v7"), (VariantSeen("AllTraffic"),), patient)
    told = limits(
        metric_alarm(answer(dimensions=of_config)), {"risk": seen}, ("risk",), {("risk", "AllTraffic"): 6000.0}
    )
    assert any(one.startswith("covers the fleet of risk-v6 alone") for one in told)
    assert not [one for one in told if one.startswith(("sees", "needs about", "never"))]
    told = limits(metric_alarm(answer(dimensions=of_config)), {"risk": RISK}, ("risk",))
    assert "sees only risk-v6, which does not serve now" in told


def red(**more: Any) -> Alarm:
    told = ["arn:aws:sns:eu-central-1:1:ml-oncall"]
    return metric_alarm(answer(**({"StateValue": "ALARM", "AlarmActions": told} | more)))


MUTE = Mute("lastgood-risk", NOW - MINUTE, NOW + 30 * MINUTE)


@pytest.mark.parametrize(
    ("alarm", "guards", "sign", "words"),
    [
        (red(), (), Sign.CRITICAL, "in ALARM since"),
        (red(AlarmActions=[]), (), Sign.WARNING, "tells nobody"),
        (red(AlarmActions=[]), ("risk",), Sign.CRITICAL, "reverts deployments of risk"),
        (red(ActionsEnabled=False), (), Sign.WARNING, "nobody is told"),
        (metric_alarm(answer(ActionsEnabled=False)), (), Sign.OK, "note: its actions are disabled"),
        (metric_alarm(answer(StateValue="INSUFFICIENT_DATA")), (), Sign.UNKNOWN, "no data since"),
        (
            metric_alarm(answer(StateValue="INSUFFICIENT_DATA", AlarmConfigurationUpdatedTimestamp=AT)),
            (),
            Sign.UNKNOWN,
            "not evaluated yet",
        ),
        (metric_alarm(answer(EvaluationState="EVALUATION_ERROR")), (), Sign.UNKNOWN, "cannot be evaluated"),
        (metric_alarm(answer(StateValue="ON_FIRE")), (), Sign.UNKNOWN, "state ON_FIRE is not known"),
        (red(AlarmName="TargetTracking-endpoint/r/variant/A-AlarmLow-1"), (), Sign.OK, "ok, little load"),
        (red(AlarmName="TargetTracking-endpoint/r/variant/A-AlarmHigh-1"), (), Sign.MOVING, "scales out"),
    ],
)
def test_what_its_state_means(alarm: Alarm, guards: tuple[str, ...], sign: Sign, words: str) -> None:
    told = judge(alarm, guards, now=NOW)
    assert told.sign is sign and words in told.words


def test_a_mute_holds_for_its_window_alone() -> None:
    alarm = msgspec.structs.replace(red(), mutes=(MUTE,))
    assert judge(alarm, now=NOW).sign is Sign.HELD and "muted until" in judge(alarm, now=NOW).words
    assert judge(alarm, now=NOW + 30 * MINUTE).sign is Sign.CRITICAL
    sensor = msgspec.structs.replace(alarm, name="TargetTracking-endpoint/r/variant/A-AlarmHigh-1")
    assert judge(sensor, now=NOW).sign is Sign.WARNING


def test_mute_rules_of_every_kind() -> None:
    schedule = {"Expression": "at(2026-11-23T03:00)", "Duration": "P1DT2H30M", "Timezone": "Europe/Berlin"}
    rule = {"Name": "r", "Rule": {"Schedule": schedule}, "MuteTargets": {"AlarmNames": ["a", "b"]}, "Status": "ACTIVE"}
    mute, names = mute_from_api(rule)
    start = to_ms(datetime(2026, 11, 23, 2, tzinfo=UTC))
    assert (mute.since, mute.until, names, mute.alarms) == (start, start + 1590 * MINUTE, ("a", "b"), 2)
    assert mute_from_api(rule | {"ExpireDate": datetime(2026, 11, 23, 3, tzinfo=UTC)})[0].until == start + 60 * MINUTE
    schedule["Expression"] = "cron(0 2 * * *)"
    mute, _ = mute_from_api(rule | {"MuteType": "RECURRING"})
    assert mute.recurring and mute.until is None and mute.holds(NOW)
    schedule |= {"Expression": "at(2026-11-23T03:00)", "Timezone": "Mars/Olympus"}
    assert mute_from_api(rule | {"Status": "SCHEDULED"})[0].holds(start) is False


@given(st.text(max_size=60), st.text(max_size=30))
def test_hostile_rules_and_schedules_raise_nothing(text: str, word: str) -> None:
    children(text)
    mute_from_api({"Rule": {"Schedule": {"Expression": f"at({text})", "Duration": word, "Timezone": word}}})
    threshold(
        Alarm("x", "", "OK", metrics=(Metric("n", text, word, {}, "m1"),), expression=f"{text} m1", threshold=1e300)
    )


def test_only_what_concerns_models_is_kept() -> None:
    shop = metric_alarm(answer(AlarmName="shop", Namespace="AWS/EC2", dimensions={"InstanceId": "i-1"}))
    kpi = metric_alarm(answer(AlarmName="kpi", Namespace="Shop", dimensions={}))
    own = metric_alarm(answer(AlarmName="own", Namespace="Shop", dimensions={"EndpointName": "risk"}))
    every = [shop, kpi, own, metric_alarm(answer())]
    every += [
        composite_alarm({"AlarmName": n, "AlarmRule": f"ALARM({c})"})
        for n, c in (("x", "own"), ("y", "x"), ("z", "shop"))
    ]
    assert {alarm.name for alarm in relevant(every, {"kpi"})} == {"kpi", "own", "risk", "x", "y"}
