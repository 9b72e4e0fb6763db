"""Operations on scalable targets and scaling activities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from console.world.autoscaling import capacity
from console.world.autoscaling.activities import Activities
from console.world.autoscaling.scaling import Scaling
from console.world.autoscaling.targets import (
    CONCURRENCY,
    COPIES,
    INSTANCES,
    ROLE,
    SERVICE,
    Key,
    ScalableTargets,
    Target,
)
from console.world.errors import AwsError, validation
from console.world.identity import Caller
from console.world.operations import operation
from console.world.paging import page as cut_page

if TYPE_CHECKING:
    from console.world.world import Region, World

T = TypeVar("T")
MOST_TARGETS = 500
_STATES = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


def key_of(request: dict[str, Any]) -> Key:
    """Raises ValidationException for what SageMaker does not have."""
    key = Key(request["ResourceId"], request["ScalableDimension"])
    parts = key.resource.split("/")
    shape = (2, "inference-component") if key.dimension == COPIES else (4, "endpoint")
    known = key.dimension in (INSTANCES, CONCURRENCY, COPIES) and request["ServiceNamespace"] == "sagemaker"
    if not known or (len(parts), parts[0]) != shape or (len(parts) == 4 and parts[2] != "variant"):
        raise validation(f"Unsupported service namespace, resource type or scalable dimension: {key.resource}")
    return key


def check_free(region: Region, key: Key) -> None:
    """Raises ConcurrentUpdateException while SageMaker changes what is to be scaled (facts: sagemaker 5.9)."""
    now = capacity.read(region, key)
    if region.of(Scaling).is_running(key) or (now is not None and now.busy):
        raise AwsError("ConcurrentUpdateException", "You already have a pending update to an Auto Scaling resource.")


def narrowed(request: dict[str, Any], items: Sequence[T], names: str, name_of: Any, key_of_: Any) -> list[T]:
    """By ResourceId, ScalableDimension and a member that lists names. Raises ValidationException for a dimension
    without a resource."""
    resource, dimension = request.get("ResourceId"), request.get("ScalableDimension")
    if dimension and not resource:
        raise validation("If you specify a scalable dimension, you must also specify a resource ID.")
    if request["ServiceNamespace"] != "sagemaker":
        return []
    wanted = request.get(names)
    return [
        one
        for one in items
        if (not wanted or name_of(one) in wanted)
        and resource in (None, key_of_(one).resource)
        and dimension in (None, key_of_(one).dimension)
    ]


def page(found: list[T], request: dict[str, Any]) -> tuple[list[T], str | None]:
    """50 at most, and unless said. Raises InvalidNextTokenException."""
    if not 1 <= int(request.get("MaxResults", 50)) <= 50:
        raise validation("MaxResults must be between 1 and 50.")
    try:
        return cut_page(found, request, default=50)
    except AwsError as error:
        raise AwsError("InvalidNextTokenException", error.message) from None


@operation("RegisterScalableTarget", service=SERVICE)
def register_scalable_target(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """Members that are absent keep their value on an existing target. Whatever it is called for, it moves the current
    capacity into the bounds (facts: sagemaker 5.9)."""
    targets, key = region.of(ScalableTargets), key_of(request)
    if capacity.read(region, key) is None:
        what = "inference component" if key.dimension == COPIES else "variant"
        raise validation(f"SageMaker {what} doesn't exist: {key.resource}")
    old = targets.get(key)
    low, high = request.get("MinCapacity", old and old.low), request.get("MaxCapacity", old and old.high)
    if low is None or high is None:
        raise validation("Scalable target must have both a minimum and a maximum capacity.")
    if low < 0:
        raise validation("Minimum capacity cannot be less than 0.")
    if low > high:
        raise validation("Maximum capacity cannot be less than minimum capacity.")
    if old is None and len(targets.all()) >= MOST_TARGETS:
        raise AwsError("LimitExceededException", f"Your account already has {MOST_TARGETS} scalable targets.")
    check_free(region, key)
    suspended = (old.suspended if old else {}) | request.get("SuspendedState", {})
    targets.set(Target(key, low, high, old.created if old else world.now, suspended))
    region.of(Scaling).bounds_changed(key)
    return {"ScalableTargetARN": targets.arn(key)}


@operation("DeregisterScalableTarget", service=SERVICE)
def deregister_scalable_target(world: World, region: Region, request: dict[str, Any], caller: Caller) -> None:
    """Its policies and scheduled actions go with it."""
    key = key_of(request)
    region.of(ScalableTargets).known(key)
    check_free(region, key)
    region.of(ScalableTargets).remove(key)


@operation("DescribeScalableTargets", service=SERVICE)
def describe_scalable_targets(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    wanted, dimension = request.get("ResourceIds"), request.get("ScalableDimension")
    if dimension and not wanted:
        raise validation("If you specify a scalable dimension, you must also specify a resource ID.")
    everything = region.of(ScalableTargets).all() if request["ServiceNamespace"] == "sagemaker" else []
    found = [
        one
        for one in everything
        if (not wanted or one.key.resource in wanted) and dimension in (None, one.key.dimension)
    ]
    cut, token = page(found, request)
    return {"ScalableTargets": [_target(region, target) for target in cut], "NextToken": token}


def _target(region: Region, target: Target) -> dict[str, Any]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": target.key.resource,
        "ScalableDimension": target.key.dimension,
        "MinCapacity": target.low,
        "MaxCapacity": target.high,
        "RoleARN": ROLE,
        "CreationTime": target.created,
        "SuspendedState": {state: target.suspended.get(state, False) for state in _STATES},
        "ScalableTargetARN": region.of(ScalableTargets).arn(target.key),
    }


@operation("DescribeScalingActivities", service=SERVICE)
def describe_scaling_activities(
    world: World, region: Region, request: dict[str, Any], caller: Caller
) -> dict[str, Any]:
    """Six weeks, newest first; what was not scaled only when asked for. Those of a target that is gone stay."""
    known = region.of(Activities).find(request.get("ResourceId"))
    found = narrowed(request, known, "", None, lambda one: one.key)
    if not request.get("IncludeNotScaledActivities"):
        found = [one for one in found if one.not_scaled is None]
    cut, token = page(found, request)
    return {"ScalingActivities": [one.shown() for one in cut], "NextToken": token}
