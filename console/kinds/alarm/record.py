"""An alarm as CloudWatch reports it, and the windows in which its actions are muted. Pure.

Field meanings: facts/sagemaker.md sections 2.8, 5.7 and 5.9; mute rules: botocore's documentation of PutAlarmMuteRule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import msgspec

from console.clock import SECOND, Millis, to_ms

ENDPOINT_DIMENSIONS = ("EndpointName", "Endpoint")
"""Model Monitor writes its metrics with the second (facts section 5.6)."""


class Metric(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One series that an alarm reads. `stat` as CloudWatch writes it: Sum, Average, p99; `id` in metric math."""

    namespace: str
    name: str
    stat: str = ""
    dimensions: dict[str, str] = {}
    id: str = ""

    @property
    def endpoint(self) -> str:
        return next((self.dimensions[name] for name in ENDPOINT_DIMENSIONS if name in self.dimensions), "")

    @property
    def variant(self) -> str:
        return self.dimensions.get("VariantName", "")

    @property
    def config(self) -> str:
        """The one fleet that it sees, if it sees only one (facts section 2.8)."""
        return self.dimensions.get("EndpointConfigName", "")

    @property
    def component(self) -> str:
        return self.dimensions.get("InferenceComponentName", "")

    @property
    def of_sagemaker(self) -> bool:
        return "sagemaker" in self.namespace.lower() or bool(self.endpoint or self.component)


class Mute(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A mute rule's window. A recurring rule tells only whether one is open (`active`), not when it ends."""

    rule: str
    since: Millis | None = None
    until: Millis | None = None
    recurring: bool = False
    active: bool = False
    alarms: int = 1
    """How many alarms the rule mutes."""

    def holds(self, now: Millis) -> bool:
        if self.since is None or self.until is None:
            return self.active
        return self.since <= now < self.until


class Alarm(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Observed fields only. `since` is when it came to this state; `mutes` None: nobody may or could look at them.

    `needed` of `periods` datapoints, each of `period_s` seconds, decide. `rule` and `children` are a composite's.
    """

    name: str
    arn: str
    state: str
    composite: bool = False
    since: Millis | None = None
    reason: str = ""
    description: str = ""
    evaluation: str = ""
    """Why it cannot be evaluated as it should: PARTIAL_DATA, EVALUATION_ERROR, EVALUATION_FAILURE; mostly empty."""
    enabled: bool = True
    actions: tuple[str, ...] = ()
    configured_at: Millis | None = None
    metrics: tuple[Metric, ...] = ()
    expression: str = ""
    comparison: str = ""
    threshold: float | None = None
    periods: int = 1
    needed: int = 1
    period_s: int = 60
    missing: str = "missing"
    rule: str = ""
    children: tuple[str, ...] = ()
    suppressor: str = ""
    mutes: tuple[Mute, ...] | None = None

    def muted(self, now: Millis) -> tuple[Mute, ...]:
        """Those that hold, the one that ends last first; an end that is not known comes last of all."""
        open_ = [mute for mute in self.mutes or () if mute.holds(now)]
        return tuple(sorted(open_, key=lambda m: -(m.until or 1 << 62)))

    @property
    def scaling(self) -> str:
        """`out` or `in` where it drives a scaling policy. Target tracking names its alarms (facts section 5.9)."""
        if self.name.startswith("TargetTracking-"):
            if "-AlarmLow-" in self.name:
                return "in"
            if "-AlarmHigh-" in self.name:
                return "out"
        if any(":autoscaling:" in arn and ":scalingPolicy:" in arn for arn in self.actions):
            return "in" if self.comparison.startswith("Less") else "out"
        return ""

    @property
    def told(self) -> tuple[str, ...]:
        """Whom or what its ALARM actions reach, by the last part of the ARN."""
        return tuple(dict.fromkeys(arn.rsplit(":", 1)[-1] for arn in self.actions))


def metric_alarm(item: Mapping[str, Any]) -> Alarm:
    """From a MetricAlarm of DescribeAlarms."""
    queries = item.get("Metrics") or ()
    stats = [(query["Id"], query["MetricStat"]) for query in queries if "MetricStat" in query]
    told: Mapping[str, Any] = next((query for query in queries if query.get("ReturnData", True)), {})
    if queries:
        metrics = tuple(_metric(stat["Metric"], stat.get("Stat", ""), id_) for id_, stat in stats)
        period_s = max([stat.get("Period", 60) for _, stat in stats] + [told.get("Period", 0)], default=60)
    else:
        metrics = (_metric(item, item.get("Statistic") or item.get("ExtendedStatistic", "")),)
        period_s = item.get("Period", 60)
    periods = item.get("EvaluationPeriods", 1)
    return Alarm(
        **_common(item),
        evaluation=item.get("EvaluationState", ""),
        metrics=metrics,
        expression=told.get("Expression", ""),
        comparison=item.get("ComparisonOperator", ""),
        threshold=item.get("Threshold"),
        periods=periods,
        needed=item.get("DatapointsToAlarm", periods),
        period_s=period_s,
        missing=item.get("TreatMissingData", "missing"),
    )


def composite_alarm(item: Mapping[str, Any]) -> Alarm:
    """From a CompositeAlarm of DescribeAlarms."""
    rule = item.get("AlarmRule", "")
    suppressor = item.get("ActionsSuppressor", "")
    return Alarm(
        **_common(item),
        composite=True,
        rule=rule,
        children=children(rule),
        suppressor=suppressor.rpartition(":alarm:")[2] or suppressor,
    )


def _common(item: Mapping[str, Any]) -> dict[str, Any]:
    since = item.get("StateTransitionedTimestamp") or item.get("StateUpdatedTimestamp")
    configured = item.get("AlarmConfigurationUpdatedTimestamp")
    return {
        "name": item["AlarmName"],
        "arn": item.get("AlarmArn", ""),
        "state": item.get("StateValue", ""),
        "since": to_ms(since) if since else None,
        "reason": item.get("StateReason", ""),
        "description": item.get("AlarmDescription", ""),
        "enabled": item.get("ActionsEnabled", True),
        "actions": tuple(item.get("AlarmActions", ())),
        "configured_at": to_ms(configured) if configured else None,
    }


def _metric(item: Mapping[str, Any], stat: str, id_: str = "") -> Metric:
    dimensions = {d["Name"]: d["Value"] for d in item.get("Dimensions", ())}
    return Metric(item.get("Namespace", ""), item.get("MetricName", ""), stat, dimensions, id_)


_CHILD = re.compile(r"\b(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^)\s]+))\s*\)")


def children(rule: str) -> tuple[str, ...]:
    """Names in a composite's rule, which may also give ARNs."""
    found = (quoted or bare for quoted, bare in _CHILD.findall(rule))
    return tuple(dict.fromkeys(name.rpartition(":alarm:")[2] or name for name in found))


def relevant(alarms: Iterable[Alarm], guards: Iterable[str]) -> list[Alarm]:
    """Those about SageMaker, those that guard a deployment, and composites of either; the account's other thousands
    are somebody else's."""
    known = {alarm.name: alarm for alarm in alarms}
    wanted = set(guards) | {name for name, alarm in known.items() if any(m.of_sagemaker for m in alarm.metrics)}
    wanted |= {name for name, alarm in known.items() if alarm.name.startswith("TargetTracking-endpoint/")}
    while more := {n for n, alarm in known.items() if n not in wanted and wanted.intersection(alarm.children)}:
        wanted |= more
    return [alarm for name, alarm in known.items() if name in wanted]


# Mute rules.

_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d)(?::\d\d)?\)")
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def mute_from_api(answer: Mapping[str, Any]) -> tuple[Mute, tuple[str, ...]]:
    """A GetAlarmMuteRule answer, and the names of the alarms that it mutes."""
    schedule = (answer.get("Rule") or {}).get("Schedule") or {}
    names = tuple((answer.get("MuteTargets") or {}).get("AlarmNames", ()))
    start, length = _start(schedule), _length(schedule.get("Duration", ""))
    expires = to_ms(answer["ExpireDate"]) if answer.get("ExpireDate") else None
    until = start + length if start is not None and length else None
    if until is not None and expires is not None:
        until = min(until, expires)
    mute = Mute(
        rule=answer.get("Name", ""),
        since=start if until is not None else None,
        until=until,
        recurring=answer.get("MuteType") == "RECURRING" or str(schedule.get("Expression", "")).startswith("cron"),
        active=answer.get("Status") == "ACTIVE",
        alarms=len(names),
    )
    return mute, names


def _start(schedule: Mapping[str, Any]) -> Millis | None:
    found = _AT.fullmatch(schedule.get("Expression", ""))
    if found is None:
        return None
    try:
        return to_ms(datetime.fromisoformat(found[1]).replace(tzinfo=_zone(schedule.get("Timezone", "UTC"))))
    except (ValueError, KeyError, OSError, OverflowError):
        return None  # a zone that this host does not know: then its end is not known


def _zone(name: str) -> tzinfo:
    if name in {"UTC", "Etc/UTC", ""}:
        return UTC
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def _length(text: str) -> int:
    found = _DURATION.fullmatch(text)
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0, 0)
    return round(timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds() * SECOND)
