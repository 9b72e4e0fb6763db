"""Operations on scheduled actions."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from console.world.autoscaling.operations import key_of, narrowed, page
from console.world.autoscaling.scheduled import ScheduledAction, ScheduledActions
from console.world.autoscaling.targets import SERVICE, ScalableTargets
from console.world.errors import AwsError, validation
from console.world.identity import Caller
from console.world.operations import operation

if TYPE_CHECKING:
    from console.world.world import Region, World

MOST_ACTIONS = 200
"""Per scalable target (Application Auto Scaling User Guide, Quotas)."""
_KEPT = ("Schedule", "Timezone", "StartTime", "EndTime", "ScalableTargetAction")


@operation("PutScheduledAction", service=SERVICE)
def put_scheduled_action(world: World, region: Region, request: dict[str, Any], caller: Caller) -> None:
    """Members that are absent keep their value on an existing action, but for StartTime and EndTime."""
    key, name, actions = key_of(request), request["ScheduledActionName"], region.of(ScheduledActions)
    region.of(ScalableTargets).known(key)
    old = actions.get(key, name)
    if old is None and len(actions.of(key)) >= MOST_ACTIONS:
        raise AwsError("LimitExceededException", f"The scalable target already has {MOST_ACTIONS} scheduled actions.")
    inherited = {} if old is None else {one: old.request[one] for one in _KEPT if one in old.request}
    kept = {one: value for one, value in inherited.items() if one not in ("StartTime", "EndTime")}
    kept |= {one: request[one] for one in _KEPT if one in request}
    for member in ("Schedule", "ScalableTargetAction"):
        if member not in kept:
            raise validation(f"{member} is required.")
    bounds = kept["ScalableTargetAction"]
    if not bounds:
        raise validation("ScalableTargetAction must have a minimum or a maximum capacity.")
    if bounds.get("MinCapacity", 0) > bounds.get("MaxCapacity", bounds.get("MinCapacity", 0)):
        raise validation("Maximum capacity cannot be less than minimum capacity.")
    if kept.get("EndTime", float("inf")) <= max(world.now, kept.get("StartTime", 0.0)):
        raise validation("EndTime must be later than StartTime and the present.")
    try:
        zone: dt.tzinfo = ZoneInfo(kept["Timezone"]) if kept.get("Timezone", "UTC") != "UTC" else dt.UTC
    except (ZoneInfoNotFoundError, ValueError):
        raise validation(f"Invalid timezone: {kept['Timezone']}") from None
    actions.put(key, name, kept, zone)


@operation("DeleteScheduledAction", service=SERVICE)
def delete_scheduled_action(world: World, region: Region, request: dict[str, Any], caller: Caller) -> None:
    key, actions = key_of(request), region.of(ScheduledActions)
    action = actions.get(key, request["ScheduledActionName"])
    if action is None:
        raise AwsError(
            "ObjectNotFoundException",
            f"No scheduled action found for service namespace: sagemaker, resource ID: {key.resource}, "
            f"scalable dimension: {key.dimension}, scheduled action name: {request['ScheduledActionName']}",
        )
    actions.delete(action)


@operation("DescribeScheduledActions", service=SERVICE)
def describe_scheduled_actions(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    known = region.of(ScheduledActions).all()
    found = narrowed(request, known, "ScheduledActionNames", lambda one: one.name, lambda one: one.key)
    cut, token = page(found, request)
    return {"ScheduledActions": [_shown(action) for action in cut], "NextToken": token}


def _shown(action: ScheduledAction) -> dict[str, Any]:
    return {
        "ScheduledActionName": action.name,
        "ScheduledActionARN": action.arn,
        "ServiceNamespace": "sagemaker",
        "ResourceId": action.key.resource,
        "ScalableDimension": action.key.dimension,
        "CreationTime": action.created,
        **action.request,
    }
