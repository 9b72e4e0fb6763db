"""Operations on scaling policies."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from console.world.autoscaling.operations import check_free, key_of, narrowed, page
from console.world.autoscaling.policies import STEPS, TRACKING, Policies, Policy
from console.world.autoscaling.targets import SERVICE, Key, ScalableTargets
from console.world.autoscaling.tracking import PREDEFINED
from console.world.cloudwatch.alarms import Alarm
from console.world.errors import AwsError, validation
from console.world.identity import Caller
from console.world.operations import operation

if TYPE_CHECKING:
    from console.world.world import Region, World

MOST_POLICIES, MOST_STEPS = 50, 20
"""Application Auto Scaling User Guide, Quotas: per scalable target, and per policy."""
_MEMBERS = {TRACKING: "TargetTrackingScalingPolicyConfiguration", STEPS: "StepScalingPolicyConfiguration"}


@operation("PutScalingPolicy", service=SERVICE)
def put_scaling_policy(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """Target tracking makes its two alarms, and anew with each change of the policy."""
    key, name, policies = key_of(request), request["PolicyName"], region.of(Policies)
    region.of(ScalableTargets).known(key)
    old = policies.get(key, name)
    type_ = request.get("PolicyType") or (old.type if old else STEPS)
    if type_ not in _MEMBERS:
        raise validation(f"{type_} is not supported for service namespace sagemaker.")
    if old and old.type != type_:
        raise validation(f"The type of scaling policy {name} cannot be changed from {old.type} to {type_}.")
    member = _MEMBERS[type_]
    if wrong := [one for one in _MEMBERS.values() if one != member and one in request]:
        raise validation(f"{wrong[0]} cannot be specified with policy type {type_}.")
    if member not in request:
        raise validation(f"{member} is required for policy type {type_}.")
    config = request[member]
    if type_ == TRACKING:
        _check_tracking(key, config)
    else:
        _check_steps(config)
        config = {"MetricAggregationType": "Average"} | config
    if old is None and len(policies.of(key)) >= MOST_POLICIES:
        raise AwsError("LimitExceededException", f"The scalable target already has {MOST_POLICIES} scaling policies.")
    check_free(region, key)
    policy = policies.put(key, name, type_, config)
    return {"PolicyARN": policy.arn, "Alarms": [_alarm(one) for one in policies.alarms(policy)]}


def _check_tracking(key: Key, config: dict[str, Any]) -> None:
    predefined, custom = config.get("PredefinedMetricSpecification"), config.get("CustomizedMetricSpecification")
    if (predefined is None) == (custom is None):
        raise validation("Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification is required.")
    if not config["TargetValue"] > 0 or math.isinf(config["TargetValue"]):
        raise validation("TargetValue must be a positive number.")
    if any(config.get(member, 0) < 0 for member in ("ScaleOutCooldown", "ScaleInCooldown")):
        raise validation("A cooldown cannot be negative.")
    if predefined:
        if predefined["PredefinedMetricType"] not in PREDEFINED[key.dimension]:
            raise validation(
                f"Predefined metric type {predefined['PredefinedMetricType']} is not supported for scalable dimension "
                f"{key.dimension}."
            )
        if "ResourceLabel" in predefined:
            raise validation("Resource label is only for predefined metric type ALBRequestCountPerTarget.")
        return
    single = [member for member in ("Namespace", "MetricName", "Statistic") if member in (custom or {})]
    if custom and "Metrics" in custom:
        returned = [query for query in custom["Metrics"] if query.get("ReturnData", True)]
        if single or len(returned) != 1:
            raise validation("Metrics must return exactly one time series, and stand alone.")
    elif len(single) != 3:
        raise validation("Namespace, MetricName and Statistic are required in CustomizedMetricSpecification.")


def _check_steps(config: dict[str, Any]) -> None:
    """Intervals that touch, without overlap or gap, of which at most one each is open below and above."""
    steps = config.get("StepAdjustments") or []
    if not steps or "AdjustmentType" not in config:
        raise validation("AdjustmentType and at least one step adjustment are required.")
    if len(steps) > MOST_STEPS:
        raise AwsError("LimitExceededException", f"A scaling policy can have at most {MOST_STEPS} step adjustments.")
    if config.get("Cooldown", 0) < 0:
        raise validation("A cooldown cannot be negative.")
    if config.get("MinAdjustmentMagnitude") and config["AdjustmentType"] != "PercentChangeInCapacity":
        raise validation("MinAdjustmentMagnitude is only for adjustment type PercentChangeInCapacity.")
    spans = sorted(
        (one.get("MetricIntervalLowerBound", -math.inf), one.get("MetricIntervalUpperBound", math.inf)) for one in steps
    )
    if any(low >= high for low, high in spans):
        raise validation("The lower bound of a step adjustment must be less than its upper bound.")
    for (_, end), (begin, _) in itertools.pairwise(spans):
        if begin < end:
            raise validation("Step adjustment intervals can't overlap.")
        if begin > end:
            raise validation("There can't be a gap between step adjustment intervals.")


@operation("DeleteScalingPolicy", service=SERVICE)
def delete_scaling_policy(world: World, region: Region, request: dict[str, Any], caller: Caller) -> None:
    """With target tracking's own alarms; others are left without an action that does anything."""
    key, policies = key_of(request), region.of(Policies)
    policy = policies.get(key, request["PolicyName"])
    if policy is None:
        raise AwsError(
            "ObjectNotFoundException",
            f"No scaling policy found for service namespace: sagemaker, resource ID: {key.resource}, "
            f"scalable dimension: {key.dimension}, policy name: {request['PolicyName']}",
        )
    check_free(region, key)
    policies.delete(policy)


@operation("DescribeScalingPolicies", service=SERVICE)
def describe_scaling_policies(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    known = region.of(Policies).all()
    found = narrowed(request, known, "PolicyNames", lambda one: one.name, lambda one: one.key)
    cut, token = page(found, request)
    return {"ScalingPolicies": [_shown(region, policy) for policy in cut], "NextToken": token}


def _shown(region: Region, policy: Policy) -> dict[str, Any]:
    return {
        "PolicyARN": policy.arn,
        "PolicyName": policy.name,
        "ServiceNamespace": "sagemaker",
        "ResourceId": policy.key.resource,
        "ScalableDimension": policy.key.dimension,
        "PolicyType": policy.type,
        _MEMBERS[policy.type]: policy.config,
        "Alarms": [_alarm(one) for one in region.of(Policies).alarms(policy)],
        "CreationTime": policy.created,
    }


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {"AlarmName": alarm.name, "AlarmARN": alarm.arn}
