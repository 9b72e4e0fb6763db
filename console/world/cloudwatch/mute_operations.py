"""Alarm mute rules: the server keeps and ends them, whoever is awake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.world.cloudwatch import mute
from console.world.cloudwatch.alarms import Alarms
from console.world.cloudwatch.mute import MuteRule
from console.world.cloudwatch.paging import page
from console.world.errors import AwsError
from console.world.identity import Caller
from console.world.operations import operation

if TYPE_CHECKING:
    from console.world.world import Region, World


@operation("PutAlarmMuteRule", service="cloudwatch")
def put_alarm_mute_rule(world: World, region: Region, request: dict[str, Any], caller: Caller) -> None:
    rules, name = region.of(Alarms).mutes, request["Name"]
    rule = mute.read(request, region.arn(f"alarm-mute-rule:{name}", service="cloudwatch"), world.now)
    if name in rules:
        rule.created = rules[name].created
    rules[name] = rule


def _get(region: Region, name: str) -> MuteRule:
    found = region.of(Alarms).mutes.get(name)
    if found is None:
        raise AwsError("ResourceNotFoundException", f"Alarm mute rule {name} does not exist", 404)
    return found


def _kind(rule: MuteRule) -> str:
    return "RECURRING" if rule.cron else "ONE_TIME"


@operation("GetAlarmMuteRule", service="cloudwatch")
def get_alarm_mute_rule(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    rule = _get(region, request["AlarmMuteRuleName"])
    kept = ("Name", "Description", "Rule", "MuteTargets", "StartDate", "ExpireDate")
    return {name: rule.request.get(name) for name in kept} | {
        "AlarmMuteRuleArn": rule.arn,
        "Status": rule.status(world.now),
        "LastUpdatedTimestamp": rule.updated,
        "MuteType": _kind(rule),
    }


@operation("ListAlarmMuteRules", service="cloudwatch")
def list_alarm_mute_rules(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    alarms, alarm, statuses = region.of(Alarms), request.get("AlarmName"), request.get("Statuses")
    if alarm:
        alarms.get(alarm)
    found = [
        {
            "AlarmMuteRuleArn": rule.arn,
            "ExpireDate": rule.request.get("ExpireDate"),
            "Status": rule.status(world.now),
            "MuteType": _kind(rule),
            "LastUpdatedTimestamp": rule.updated,
        }
        for _, rule in sorted(alarms.mutes.items())
        if (alarm is None or alarm in rule.alarms) and (not statuses or rule.status(world.now) in statuses)
    ]
    cut, token = page(found, request, request.get("MaxRecords", 100))
    return {"AlarmMuteRuleSummaries": cut, "NextToken": token}


@operation("DeleteAlarmMuteRule", service="cloudwatch")
def delete_alarm_mute_rule(world: World, region: Region, request: dict[str, Any], caller: Caller) -> None:
    """No error for a rule that there is not."""
    region.of(Alarms).mutes.pop(request["AlarmMuteRuleName"], None)
