"""Watching alarms: all of them, 100 a page, because DescribeAlarms has no filter by dimension (facts section 5.7)."""

from __future__ import annotations

from typing import Any

import msgspec

from console.clock import to_ms
from console.errors import NotFound, NotPermitted, Rejected
from console.kinds.alarm.record import Alarm, Mute, composite_alarm, metric_alarm, mute_from_api, relevant
from console.kinds.alarm.sight import EndpointSeen
from console.kinds.base import Eyes

TYPES = ("MetricAlarm", "CompositeAlarm")
"""Without both, composite alarms are left out."""

LIVE = ("ACTIVE", "SCHEDULED")


class AlarmWatch:
    """Keeps what each mute rule mutes for as long as the rule is not changed: a listing does not tell."""

    source = "alarms"
    operations = ("cloudwatch:DescribeAlarms", "cloudwatch:ListAlarmMuteRules", "cloudwatch:GetAlarmMuteRule")
    every_s = 45.0

    def __init__(self) -> None:
        self._rules: dict[tuple[str, Any, str], tuple[Mute, tuple[str, ...]]] = {}

    def sweep(self, eyes: Eyes) -> None:
        client = eyes.client("cloudwatch")
        found: list[Alarm] = []
        for page in client.get_paginator("describe_alarms").paginate(
            AlarmTypes=list(TYPES), PaginationConfig={"PageSize": 100}
        ):
            found += [metric_alarm(item) for item in page.get("MetricAlarms", ())]
            found += [composite_alarm(item) for item in page.get("CompositeAlarms", ())]
        decode = msgspec.json.Decoder(EndpointSeen).decode
        guards = {name for body in eyes.heads("endpoint").values() for name in decode(body).guards}
        kept = relevant(found, guards)
        mutes = self._mutes(client)
        for alarm in kept:
            mine = None if mutes is None else tuple(mutes.get(alarm.name, ()))
            eyes.saw("alarm", alarm.name, msgspec.structs.replace(alarm, mutes=mine), provider_at=alarm.since)
        present = {alarm.name for alarm in kept}
        eyes.gone("alarm", [name for name in eyes.heads("alarm") if name not in present])

    def _mutes(self, client: Any) -> dict[str, list[Mute]] | None:
        """Open and coming windows by alarm; None where nobody may look."""
        rules: dict[tuple[str, Any, str], tuple[Mute, tuple[str, ...]]] = {}
        try:
            for page in client.get_paginator("list_alarm_mute_rules").paginate(Statuses=list(LIVE)):
                for item in page.get("AlarmMuteRuleSummaries", ()):
                    arn, changed = item["AlarmMuteRuleArn"], item.get("LastUpdatedTimestamp")
                    key = (arn, to_ms(changed) if changed else 0, item.get("Status", ""))
                    rule = self._rules.get(key) or read_rule(client, arn)
                    if rule is not None:
                        rules[key] = rule
        except (NotPermitted, Rejected):
            return None
        self._rules = rules
        by_alarm: dict[str, list[Mute]] = {}
        for mute, names in rules.values():
            for name in names:
                by_alarm.setdefault(name, []).append(mute)
        return by_alarm


def rule_name(arn: str) -> str:
    return arn.rpartition(":alarm-mute-rule:")[2]


def read_rule(client: Any, arn: str) -> tuple[Mute, tuple[str, ...]] | None:
    """A rule with the alarms that it mutes; None where it was deleted meanwhile."""
    try:
        return mute_from_api(client.get_alarm_mute_rule(AlarmMuteRuleName=rule_name(arn)))
    except NotFound:
        return None
