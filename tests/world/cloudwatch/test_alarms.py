"""Alarms over time by boto3: evaluated from what arrives, told in the history, described, changed and refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from console.world.cloudwatch.alarms import CATCH_UP_S, Alarms
from console.world.cloudwatch.guards import put_alarm
from console.world.cloudwatch.series import Metrics
from tests.world.cloudwatch.ramp import ERRORS, Ramp
from tests.world.cloudwatch.test_metrics import minute, put, query
from tests.world.conftest import Lab
from tests.world.test_endpoints import refused

TOPIC = "arn:aws:sns:eu-central-1:123456789012:ml-oncall"


@pytest.fixture
def lab(world: Callable[..., Lab]) -> Lab:
    lab = world(fleet=0)
    lab.clock.now = minute(lab) + 1.0
    return lab


def alarm(lab: Lab, name: str = "load", **more: Any) -> None:
    request = {
        "AlarmName": name,
        "Namespace": "Shop",
        "MetricName": "Load",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 20.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "AlarmActions": [TOPIC],
    } | more
    lab.client("cloudwatch").put_metric_alarm(**{key: value for key, value in request.items() if value is not None})


def described(lab: Lab, name: str = "load") -> dict[str, Any]:
    types = ["MetricAlarm", "CompositeAlarm"]
    found = lab.client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=types)
    (one,) = found["MetricAlarms"] + found["CompositeAlarms"]
    return dict(one)


def state(lab: Lab, name: str = "load") -> str:
    return str(described(lab, name)["StateValue"])


def history(lab: Lab, **ask: Any) -> list[tuple[str, str]]:
    found = lab.client("cloudwatch").describe_alarm_history(**ask)["AlarmHistoryItems"]
    return [(one["HistoryItemType"], one["HistorySummary"]) for one in found]


def feed(lab: Lab, *loads: float) -> None:
    """A minute each."""
    for load in loads:
        put(lab, Value=load)
        lab.clock.tick(60)


def test_the_life_of_an_alarm(lab: Lab) -> None:
    alarm(lab)
    new = described(lab)
    assert (new["StateValue"], new["StateReason"]) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")
    assert new["AlarmArn"] == "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:load"
    feed(lab, 5.0, 5.0)
    lab.clock.tick(5)
    assert state(lab) == "OK"
    feed(lab, 34.0, 34.0)
    red = described(lab)
    assert red["StateValue"] == "ALARM"
    assert red["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [34.0 (")
    assert red["StateReason"].endswith(
        ")] was greater than the threshold (20.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    data = json.loads(red["StateReasonData"])
    assert (data["recentDatapoints"], data["threshold"], data["statistic"], data["period"]) == ([34.0], 20.0, "Sum", 60)
    assert data["evaluatedDatapoints"][0]["sampleCount"] == 1.0
    assert red["StateUpdatedTimestamp"].timestamp() > new["StateUpdatedTimestamp"].timestamp()
    lab.clock.tick(600)
    assert described(lab)["StateReason"] == "Insufficient Data: 1 datapoint was unknown."
    told = history(lab, AlarmName="load", ScanBy="TimestampAscending")
    assert told == [
        ("ConfigurationUpdate", 'Alarm "load" created'),
        ("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to OK"),
        ("StateUpdate", "Alarm updated from OK to ALARM"),
        ("Action", f"Successfully executed action {TOPIC}"),
        ("StateUpdate", "Alarm updated from ALARM to INSUFFICIENT_DATA"),
    ]


def test_history_is_filtered_paged_and_outlives_the_alarm(lab: Lab) -> None:
    alarm(lab)
    feed(lab, 50.0, 50.0, 1.0, 1.0)
    cloudwatch = lab.client("cloudwatch")
    (red,) = (
        item
        for item in cloudwatch.describe_alarm_history(HistoryItemType="StateUpdate")["AlarmHistoryItems"]
        if item["HistorySummary"].endswith("to ALARM")
    )
    states = json.loads(red["HistoryData"])
    assert (states["oldState"]["stateValue"], states["newState"]["stateValue"]) == ("INSUFFICIENT_DATA", "ALARM")
    assert states["newState"]["stateReasonData"]["recentDatapoints"] == [50.0]
    cloudwatch.delete_alarms(AlarmNames=["load"])
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []
    every = history(lab)
    assert every[0] == ("ConfigurationUpdate", 'Alarm "load" deleted')
    first = cloudwatch.describe_alarm_history(MaxRecords=2)
    rest = cloudwatch.describe_alarm_history(MaxRecords=100, NextToken=first["NextToken"])
    assert len(first["AlarmHistoryItems"]) + len(rest["AlarmHistoryItems"]) == len(every)
    assert history(lab, StartDate=lab.clock.now - 1) == every[:1]
    assert history(lab, AlarmTypes=["CompositeAlarm"]) == []
    lab.clock.tick(31 * 86400)
    assert history(lab) == []


def test_m_of_n_and_missing_data(lab: Lab) -> None:
    alarm(lab, "two-of-three", EvaluationPeriods=3, DatapointsToAlarm=2)
    alarm(lab, "quiet-is-bad", TreatMissingData="breaching")
    alarm(lab, "quiet-is-fine", TreatMissingData="notBreaching")
    feed(lab, 50.0, 1.0)
    lab.clock.tick(2)
    assert state(lab, "two-of-three") != "ALARM"
    feed(lab, 50.0, 1.0)
    assert state(lab, "two-of-three") == "ALARM"
    lab.clock.tick(600)
    states = [state(lab, name) for name in ("two-of-three", "quiet-is-bad", "quiet-is-fine")]
    assert states == ["INSUFFICIENT_DATA", "ALARM", "OK"]


def test_a_state_that_is_set_lasts_until_the_next_evaluation(lab: Lab) -> None:
    alarm(lab)
    feed(lab, 1.0, 1.0)
    cloudwatch = lab.client("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName="load", StateValue="ALARM", StateReason="a drill")
    assert (state(lab), described(lab)["StateReason"]) == ("ALARM", "a drill")
    feed(lab, 1.0)
    assert state(lab) == "OK"
    alarms = lab.world.region().of(Alarms)
    alarms.hold("load", "ALARM", "a deed of the world")
    feed(lab, 1.0, 1.0)
    assert state(lab) == "ALARM"
    alarms.release("load", "ALARM", "no more")
    feed(lab, 1.0)
    assert state(lab) == "OK"
    missing = {"AlarmName": "nope", "StateValue": "OK", "StateReason": "x"}
    assert refused(cloudwatch.set_alarm_state, **missing)[0] == "ResourceNotFound"
    bad = missing | {"AlarmName": "load", "StateReasonData": "{"}
    assert refused(cloudwatch.set_alarm_state, **bad)[0] == "InvalidFormat"


def test_alarms_on_computed_series_see_only_what_has_arrived_whole(lab: Lab) -> None:
    dimensions = [{"Name": name, "Value": value} for name, value in ERRORS.dimensions]
    lab.world.region().of(Metrics).sources.append(Ramp(errors=30, bad_from=minute(lab) + 600))
    on_errors = {"Namespace": ERRORS.namespace, "MetricName": ERRORS.metric, "Dimensions": dimensions}
    alarm(lab, **on_errors)
    # Half of a minute's requests must not look like a drop of traffic.
    few = {"Statistic": "SampleCount", "ComparisonOperator": "LessThanThreshold", "Threshold": 999.0}
    alarm(lab, "traffic", **on_errors, **few)
    late_s = lab.world.region().of(Metrics).late_s(ERRORS)
    began = minute(lab) + 600
    while state(lab) != "ALARM" and lab.clock.now < began + 600:
        assert state(lab, "traffic") != "ALARM"
        lab.clock.tick(10)
    assert began + 60 + late_s <= lab.clock.now <= began + 60 + late_s + 130
    assert [one["value"] for one in json.loads(described(lab)["StateReasonData"])["evaluatedDatapoints"]] == [30.0]


def test_an_alarm_on_a_rate(lab: Lab) -> None:
    """100 * errors / requests, by metric math."""
    metrics = [
        query(metric="Errors", id_="errors") | {"ReturnData": False},
        query(metric="Requests", id_="requests") | {"ReturnData": False},
        {"Id": "rate", "Expression": "100 * errors / requests", "Label": "5xx %"},
    ]
    single = ("Namespace", "MetricName", "Statistic", "Period")
    alarm(lab, "rate", Metrics=metrics, Threshold=3.0, **dict.fromkeys(single))
    for errors in (1.0, 1.0, 4.0, 4.0):
        put(lab, "Errors", Value=errors)
        put(lab, "Requests", Value=100.0)
        lab.clock.tick(60)
        seen = state(lab, "rate")
    assert seen == "ALARM" and "[4.0 (" in described(lab, "rate")["StateReason"]
    for_metric = lab.client("cloudwatch").describe_alarms_for_metric
    assert [one["AlarmName"] for one in for_metric(Namespace="Shop", MetricName="Errors")["MetricAlarms"]] == ["rate"]
    assert for_metric(Namespace="Shop", MetricName="Load")["MetricAlarms"] == []


def test_percentiles_of_few_samples_can_be_ignored(lab: Lab) -> None:
    extended = {"Statistic": None, "ExtendedStatistic": "p90"}
    alarm(lab, "all", **extended)
    alarm(lab, "careful", EvaluateLowSampleCountPercentile="ignore", **extended)
    for _ in range(2):
        put(lab, Values=[50.0], Counts=[99.0])
        lab.clock.tick(60)
    assert (state(lab, "all"), state(lab, "careful")) == ("ALARM", "INSUFFICIENT_DATA")
    for _ in range(2):
        put(lab, Values=[50.0], Counts=[100.0])
        lab.clock.tick(60)
    assert state(lab, "careful") == "ALARM"


def test_what_is_described(lab: Lab) -> None:
    for place in range(120):
        alarm(lab, f"a{place:03d}", AlarmActions=[TOPIC] if place % 2 else [])
    cloudwatch = lab.client("cloudwatch")
    first = cloudwatch.describe_alarms()
    assert len(first["MetricAlarms"]) == 50
    every = list(cloudwatch.get_paginator("describe_alarms").paginate(PaginationConfig={"PageSize": 100}))
    assert [len(cut["MetricAlarms"]) for cut in every] == [100, 20]
    assert refused(cloudwatch.describe_alarms, NextToken="no")[0] == "InvalidNextToken"
    assert len(cloudwatch.describe_alarms(AlarmNamePrefix="a00")["MetricAlarms"]) == 10
    assert len(cloudwatch.describe_alarms(ActionPrefix="arn:aws:sns", MaxRecords=100)["MetricAlarms"]) == 60
    cloudwatch.set_alarm_state(AlarmName="a007", StateValue="ALARM", StateReason="x")
    red = cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
    assert [one["AlarmName"] for one in red] == ["a007"]
    assert refused(cloudwatch.describe_alarms, MaxRecords=101)[0] == "ValidationError"
    cloudwatch.disable_alarm_actions(AlarmNames=["a007"])
    assert described(lab, "a007")["ActionsEnabled"] is False
    cloudwatch.set_alarm_state(AlarmName="a007", StateValue="OK", StateReason="x")
    cloudwatch.set_alarm_state(AlarmName="a007", StateValue="ALARM", StateReason="x")
    actions = [item for item in history(lab, AlarmName="a007") if item[0] == "Action"]
    assert len(actions) == 1, "the one before they were disabled"
    cloudwatch.enable_alarm_actions(AlarmNames=["a007"])
    assert described(lab, "a007")["ActionsEnabled"] is True


@pytest.mark.parametrize(
    "wrong",
    [
        {"EvaluationPeriods": None},
        {"Threshold": None},
        {"Statistic": None},
        {"ExtendedStatistic": "p99"},
        {"Period": 45},
        {"DatapointsToAlarm": 2},
        {"TreatMissingData": "panic"},
        {"Period": 3600, "EvaluationPeriods": 169},
        {"Period": 60, "EvaluationPeriods": 1441},
        {"ComparisonOperator": "LessThanLowerThreshold"},
        {"Metrics": [query()]},
        {"Namespace": None},
    ],
)
def test_what_put_metric_alarm_refuses(lab: Lab, wrong: dict[str, Any]) -> None:
    code, message = refused(lambda **more: alarm(lab, **more), **wrong)
    assert code == "ValidationError" and message
    assert lab.client("cloudwatch").describe_alarms()["MetricAlarms"] == []


def test_an_update_keeps_the_state(lab: Lab) -> None:
    alarm(lab)
    feed(lab, 50.0, 50.0)
    alarm(lab, Threshold=1000.0)
    assert state(lab) == "ALARM"
    feed(lab, 50.0)
    assert state(lab) == "OK"
    assert ("ConfigurationUpdate", 'Alarm "load" updated') in history(lab)


def test_a_world_that_slept_catches_up_with_the_last_of_it(lab: Lab) -> None:
    alarm(lab)
    feed(lab, 50.0, 50.0)
    lab.clock.tick(30 * 86400)
    feed(lab, 1.0, 1.0)
    assert state(lab) == "OK"
    changes = [one for one in history(lab) if one[0] == "StateUpdate"]
    assert 2 <= len(changes) <= 4
    assert CATCH_UP_S < 86400


def test_an_alarm_that_looks_back_has_noticed_and_is_evaluated_once_a_minute_again(lab: Lab) -> None:
    """What an incident declares of the past was seen then, not when the incident was played."""
    region = lab.world.region()
    source = Ramp()
    region.of(Metrics).sources.append(source)
    put_alarm(region, "ramp-5xx", "ramp", "Invocation5XXErrors", 20)

    def reads() -> int:
        before = source.reads
        for _ in range(10):
            lab.clock.tick(60)
            lab.world.advance()
        return source.reads - before

    usual = reads()
    source.errors, source.bad_from = 40, lab.clock.now - 900
    region.of(Alarms).look_back("ramp-5xx", source.bad_from)
    found = described(lab, "ramp-5xx")
    after_s = found["StateTransitionedTimestamp"].timestamp() - source.bad_from
    assert found["StateValue"] == "ALARM" and 180 < after_s < 420, "three minutes, and until they had arrived"
    assert reads() == usual > 0
