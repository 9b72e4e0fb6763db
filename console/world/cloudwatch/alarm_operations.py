"""Operations on alarms. DescribeAlarms and DescribeAlarmHistory answer metric alarms alone unless AlarmTypes is given
(facts: sagemaker 5.7)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from console.world.cloudwatch import composite, expressions, statistics, watching
from console.world.cloudwatch.alarms import Alarm, Alarms
from console.world.cloudwatch.evaluation import COMPARISONS
from console.world.cloudwatch.paging import page
from console.world.cloudwatch.query import check_period, key_of
from console.world.errors import AwsError
from console.world.identity import Caller
from console.world.operations import operation

if TYPE_CHECKING:
    from console.world.world import Region, World

_METRIC = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit")
_MISSING = ("breaching", "notBreaching", "ignore", "missing")
_UNSUPPORTED = ("ThresholdMetricId", "EvaluationWindow", "EvaluationCriteria", "WarmUpConfiguration")
_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")
_DAY_S = 86400


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)


@operation("PutMetricAlarm", service="cloudwatch")
def put_metric_alarm(world: World, region: Region, request: dict[str, Any], caller: Caller) -> None:
    """Anomaly detection (ThresholdMetricId) and Metrics Insights alarms are refused: this world evaluates none."""
    if not_here := [name for name in _UNSUPPORTED if name in request]:
        raise _invalid(f"{not_here[0]} is not supported here.")
    for member in ("ComparisonOperator", "EvaluationPeriods", "Threshold"):
        if request.get(member) is None:
            raise _invalid(f"The parameter {member} is required.")
    if request["ComparisonOperator"] not in COMPARISONS:
        raise _invalid("Anomaly detection operators need ThresholdMetricId, which is not supported here.")
    if request.get("TreatMissingData", "missing") not in _MISSING:
        raise _invalid(f"Option {request['TreatMissingData']} is not supported for TreatMissingData.")
    if request.get("EvaluateLowSampleCountPercentile", "evaluate") not in ("evaluate", "ignore"):
        raise _invalid("EvaluateLowSampleCountPercentile must be evaluate or ignore.")
    if request.get("DatapointsToAlarm", 1) > request["EvaluationPeriods"]:
        raise _invalid("DatapointsToAlarm must be less than or equal to EvaluationPeriods.")
    if "Metrics" in request:
        _check_math(request)
    else:
        _check_metric(request)
    span_s = watching.period_of(request) * request["EvaluationPeriods"]
    if span_s > (_DAY_S if watching.period_of(request) < 3600 else 7 * _DAY_S):
        raise _invalid(
            "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400)."
        )
    defaults = {"ActionsEnabled": True, "TreatMissingData": "missing"} | {name: [] for name in _ACTIONS}
    if "Metrics" not in request:
        defaults["Dimensions"] = []
    region.of(Alarms).put("MetricAlarm", defaults | request)


def _check_metric(request: dict[str, Any]) -> None:
    if not request.get("MetricName") or not request.get("Namespace") or not request.get("Period"):
        raise _invalid("MetricName, Namespace and Period are required where Metrics is not given.")
    if ("Statistic" in request) == ("ExtendedStatistic" in request):
        raise _invalid("Exactly one of Statistic and ExtendedStatistic must be specified.")
    check_period(request["Period"])
    statistics.parse(request.get("Statistic") or request["ExtendedStatistic"])


def _check_math(request: dict[str, Any]) -> None:
    if both := [name for name in _METRIC if name in request]:
        raise _invalid(f"{both[0]} and Metrics must not both be specified.")
    returned = [query for query in request["Metrics"] if query.get("ReturnData", True)]
    if len(returned) != 1:
        raise _invalid(f"Exactly one of Metrics must have ReturnData true, not {len(returned)}.")
    for query in request["Metrics"]:
        if "MetricStat" in query:
            check_period(query["MetricStat"]["Period"])
            statistics.parse(query["MetricStat"]["Stat"])
        elif "Expression" in query:
            expressions.parse(query["Expression"])
            if "SEARCH" in query["Expression"].upper():
                raise _invalid("SEARCH is not supported in alarms.")
        else:
            raise _invalid(f"MetricStat or Expression must be specified for id {query['Id']}.")


@operation("PutCompositeAlarm", service="cloudwatch")
def put_composite_alarm(world: World, region: Region, request: dict[str, Any], caller: Caller) -> None:
    """All alarms of the rule must exist."""
    alarms = region.of(Alarms)
    for child in composite.parse(request["AlarmRule"]).children:
        if child not in alarms:
            raise _invalid(f"Could not save the composite alarm as alarms {child} in the alarm rule do not exist")
        if child == request["AlarmName"]:
            raise _invalid("A composite alarm cannot depend on itself.")
    alarms.put("CompositeAlarm", {"ActionsEnabled": True} | {name: [] for name in _ACTIONS} | request)


@operation("DeleteAlarms", service="cloudwatch")
def delete_alarms(world: World, region: Region, request: dict[str, Any], caller: Caller) -> None:
    """All or none: with a name that there is not, nothing is deleted."""
    alarms, names = region.of(Alarms), request["AlarmNames"]
    for name in names:
        alarms.get(name)
        parents = [one.name for one in alarms if one.rule and name in one.rule.children and one.name not in names]
        if parents:
            raise _invalid(f"Alarm {name} cannot be deleted: it is in the alarm rule of {', '.join(parents)}.")
    for name in dict.fromkeys(names):
        alarms.delete(name)


@operation("DescribeAlarms", service="cloudwatch")
def describe_alarms(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """By name, 50 a page; with ChildrenOfAlarmName or ParentsOfAlarmName their names and ARNs alone."""
    alarms, types = region.of(Alarms), request.get("AlarmTypes") or ["MetricAlarm"]
    names, prefix = request.get("AlarmNames"), request.get("AlarmNamePrefix")
    if names and prefix:
        raise AwsError("InvalidParameterCombination", "AlarmNames and AlarmNamePrefix must not both be specified.")
    found: Iterable[Alarm] = alarms
    family = False
    if parent := request.get("ChildrenOfAlarmName"):
        rule, family = alarms.get(parent).rule, True
        found = [alarms.get(name) for name in (rule.children if rule else ()) if name in alarms]
    elif child := request.get("ParentsOfAlarmName"):
        found, family = [one for one in alarms if one.rule and child in one.rule.children], True
    wanted = [
        alarm
        for alarm in found
        if (family or alarm.type in types)
        and (not names or alarm.name in names)
        and (not prefix or alarm.name.startswith(prefix))
        and request.get("StateValue") in (None, alarm.state)
        and _acts(alarm, request.get("ActionPrefix", ""))
    ]
    cut, token = page(wanted, request, request.get("MaxRecords", 50))

    def shown(kind: str) -> list[dict[str, Any]]:
        every = [alarm.shown() for alarm in cut if alarm.type == kind]
        if family:
            return [{name: one[name] for name in ("AlarmName", "AlarmArn", "StateValue")} for one in every]
        return every

    return {"MetricAlarms": shown("MetricAlarm"), "CompositeAlarms": shown("CompositeAlarm"), "NextToken": token}


def _acts(alarm: Alarm, prefix: str) -> bool:
    return not prefix or any(
        action.startswith(prefix) for member in _ACTIONS for action in alarm.request.get(member, ())
    )


@operation("DescribeAlarmsForMetric", service="cloudwatch")
def describe_alarms_for_metric(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """Alarms on exactly that series, also those that use it in metric math."""
    key = key_of(request)
    asked = [name for name in ("Statistic", "ExtendedStatistic", "Period", "Unit") if name in request]
    found = [
        alarm.shown()
        for alarm in region.of(Alarms)
        if alarm.type == "MetricAlarm"
        and any(key == key_of(query["MetricStat"]["Metric"]) for query in _metric_queries(alarm))
        and all(alarm.request.get(name) == request[name] for name in asked)
    ]
    return {"MetricAlarms": found}


def _metric_queries(alarm: Alarm) -> list[Any]:
    return [query for query in watching.queries_of(alarm.request) if "MetricStat" in query]


@operation("SetAlarmState", service="cloudwatch")
def set_alarm_state(world: World, region: Region, request: dict[str, Any], caller: Caller) -> None:
    """Holds until the next evaluation finds otherwise, as on AWS."""
    data = request.get("StateReasonData")
    if data:
        try:
            json.loads(data)
        except ValueError:
            raise AwsError("InvalidFormat", "StateReasonData was not syntactically valid JSON") from None
    region.of(Alarms).set(request["AlarmName"], request["StateValue"], request["StateReason"], data)


def _enable(region: Region, names: list[str], enabled: bool) -> None:
    alarms = region.of(Alarms)
    for name in names:
        if name in alarms:  # AWS passes over names that there are not
            alarm = alarms.get(name)
            alarm.request = alarm.request | {"ActionsEnabled": enabled}


@operation("EnableAlarmActions", service="cloudwatch")
def enable_alarm_actions(world: World, region: Region, request: dict[str, Any], caller: Caller) -> None:
    _enable(region, request["AlarmNames"], True)


@operation("DisableAlarmActions", service="cloudwatch")
def disable_alarm_actions(world: World, region: Region, request: dict[str, Any], caller: Caller) -> None:
    _enable(region, request["AlarmNames"], False)


@operation("DescribeAlarmHistory", service="cloudwatch")
def describe_alarm_history(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """Newest first unless ScanBy says otherwise, 100 a page; of deleted alarms too."""
    types, start = request.get("AlarmTypes") or ["MetricAlarm"], request.get("StartDate", 0.0)
    items = region.of(Alarms).history.between(start, request.get("EndDate", world.now), world.now)
    found = [
        item.shown()
        for item in items
        if item.type in types
        and request.get("AlarmName") in (None, item.alarm)
        and request.get("HistoryItemType") in (None, item.kind)
    ]
    if request.get("ScanBy", "TimestampDescending") == "TimestampDescending":
        found.reverse()
    cut, token = page(found, request, request.get("MaxRecords", 100))
    return {"AlarmHistoryItems": cut, "NextToken": token}
