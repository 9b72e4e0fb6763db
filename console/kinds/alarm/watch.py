"""Watching alarms. DescribeAlarms has no filter by dimension (facts section 5.7), so all of an account are listed, 100
a page; but rarely: in between those in ALARM, and by name those that somebody waits for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from console.clock import MINUTE, SECOND, to_ms
from console.errors import NotFound, NotPermitted, Rejected
from console.kinds.alarm.record import Alarm, Mute, composite_alarm, metric_alarm, mute_from_api, relevant
from console.kinds.alarm.sight import EndpointSeen
from console.kinds.base import Eyes

TYPES = ("MetricAlarm", "CompositeAlarm")
"""Without both, composite alarms are left out."""

LIVE = ("ACTIVE", "SCHEDULED")

LIST_EVERY = 10 * MINUTE - 10 * SECOND
"""Sweeps are jittered."""

LISTED = "alarms.listed"
"""When all were listed: in the ledger, as one-shot looks list them only where that is due."""

BY_NAME = 100
"""DescribeAlarms takes so many names at once."""


class AlarmWatch:
    """Keeps what each mute rule mutes for as long as the rule is not changed: a listing does not tell."""

    source = "alarms"
    operations = ("cloudwatch:DescribeAlarms", "cloudwatch:ListAlarmMuteRules", "cloudwatch:GetAlarmMuteRule")
    every_s = 60.0

    def __init__(self) -> None:
        self._rules: dict[tuple[str, Any, str], tuple[Mute, tuple[str, ...]]] = {}
        self._absent: frozenset[str] = frozenset()
        """Names that were asked for and do not exist; asked again when all are listed."""

    def sweep(self, eyes: Eyes) -> None:
        client, now = eyes.client("cloudwatch"), eyes.now()
        known = {name: msgspec.json.decode(body, type=Alarm) for name, body in eyes.heads("alarm").items()}
        endpoints = list(map(msgspec.json.Decoder(EndpointSeen).decode, eyes.heads("endpoint").values()))
        whole = not 0 <= now - int(eyes.recall(LISTED) or 0) < LIST_EVERY
        if whole:
            seen, asked = _described(client), set(known)
        else:
            seen = _described(client, StateValue="ALARM")
            asked = self._waited_for(eyes, known, endpoints) - seen.keys()
            for first in range(0, len(asked), BY_NAME):
                seen |= _described(client, AlarmNames=sorted(asked)[first : first + BY_NAME])
        gone = asked & known.keys() - seen.keys()
        there = {name: alarm for name, alarm in (known | seen).items() if name not in gone}
        kept = relevant(there.values(), {name for endpoint in endpoints for name in endpoint.guards})
        mutes = self._mutes(client)
        for alarm in kept:
            mine = None if mutes is None else tuple(mutes.get(alarm.name, ()))
            eyes.saw("alarm", alarm.name, msgspec.structs.replace(alarm, mutes=mine), provider_at=alarm.since)
        eyes.gone("alarm", known.keys() - {alarm.name for alarm in kept})
        self._absent = frozenset() if whole else self._absent | asked - seen.keys()
        if whole:
            eyes.remember(LISTED, str(now))

    def _waited_for(self, eyes: Eyes, known: Mapping[str, Alarm], endpoints: Iterable[EndpointSeen]) -> set[str]:
        """Those on screen, those that guard a deployment in motion, those that were red, and guards nobody has met."""
        names = {name for name, alarm in known.items() if alarm.state == "ALARM"} | eyes.interest("alarm")
        for endpoint in endpoints:
            names.update(name for name in endpoint.guards if endpoint.pending or name not in known)
        return names - self._absent

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


def _described(client: Any, **request: Any) -> dict[str, Alarm]:
    found: dict[str, Alarm] = {}
    pages = client.get_paginator("describe_alarms")
    for page in pages.paginate(AlarmTypes=list(TYPES), **request, PaginationConfig={"PageSize": 100}):
        found |= {alarm.name: alarm for alarm in map(metric_alarm, page.get("MetricAlarms", ()))}
        found |= {alarm.name: alarm for alarm in map(composite_alarm, page.get("CompositeAlarms", ()))}
    return found


def rule_name(arn: str) -> str:
    return arn.rpartition(":alarm-mute-rule:")[2]


def read_rule(client: Any, arn: str) -> tuple[Mute, tuple[str, ...]] | None:
    """A rule with the alarms that it mutes; None where it was deleted meanwhile."""
    try:
        return mute_from_api(client.get_alarm_mute_rule(AlarmMuteRuleName=rule_name(arn)))
    except NotFound:
        return None
