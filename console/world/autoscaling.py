"""Application Auto Scaling: the scalable targets of variants, which decide what UpdateEndpoint may change.

Ours and not moto's: moto's module imports its EC2 (1.2 s) and knows neither which endpoints exist nor the RoleARN that
the answer must hold. Nothing scales by itself yet.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from console.world.errors import AwsError, validation
from console.world.identity import ACCOUNT, Caller
from console.world.operations import operation
from console.world.paging import page

if TYPE_CHECKING:
    from console.world.world import Region, World

SERVICE = "application-autoscaling"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
ROLE = (
    f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)


@dataclass(slots=True)
class Target:
    resource: str
    low: int
    high: int
    created: float
    suspended: dict[str, bool]


class ScalableTargets:
    """By resource id, such as `endpoint/search-rank/variant/AllTraffic`."""

    def __init__(self, region: Region) -> None:
        self._targets: dict[str, Target] = {}

    def put(self, endpoint: str, variant: str, low: int, high: int, at: float) -> None:
        resource = f"endpoint/{endpoint}/variant/{variant}"
        self._targets[resource] = Target(resource, low, high, at, {})

    def variants_of(self, endpoint: str) -> set[str]:
        """Variants of the endpoint that Auto Scaling may resize."""
        prefix = f"endpoint/{endpoint}/variant/"
        return {name.removeprefix(prefix) for name in self._targets if name.startswith(prefix)}

    def drop(self, endpoint: str) -> None:
        """DeleteEndpoint deregisters its targets itself (facts: sagemaker 2.7)."""
        for variant in self.variants_of(endpoint):
            del self._targets[f"endpoint/{endpoint}/variant/{variant}"]

    def get(self, resource: str) -> Target | None:
        return self._targets.get(resource)

    def set(self, target: Target) -> None:
        self._targets[target.resource] = target

    def remove(self, resource: str) -> None:
        if self._targets.pop(resource, None) is None:
            raise AwsError("ObjectNotFoundException", f"No scalable target found for resource: {resource}")

    def all(self) -> list[Target]:
        return [self._targets[name] for name in sorted(self._targets)]


def _check_known(region: Region, resource: str) -> None:
    from console.world.sagemaker.endpoints import Endpoints  # which itself asks for the targets

    _, endpoint, _, variant = f"{resource}///".split("/")[:4]
    known = next((one for one in region.of(Endpoints) if one.name == endpoint), None)
    if known is None or variant not in {one.name for one in known.fleet}:
        raise validation(f"SageMaker variant doesn't exist: {resource}")


@operation("RegisterScalableTarget", service=SERVICE)
def register_scalable_target(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """Members that are absent keep their value on an existing target."""
    targets, resource = region.of(ScalableTargets), request["ResourceId"]
    if request["ServiceNamespace"] != "sagemaker" or request["ScalableDimension"] != DIMENSION:
        raise validation(f"Unsupported service namespace, resource type or scalable dimension: {resource}")
    _check_known(region, resource)
    old = targets.get(resource)
    low, high = request.get("MinCapacity", old and old.low), request.get("MaxCapacity", old and old.high)
    if low is None or high is None:
        raise validation("Scalable target must have both a minimum and a maximum capacity.")
    if low > high:
        raise validation("Maximum capacity cannot be less than minimum capacity.")
    suspended = (old.suspended if old else {}) | request.get("SuspendedState", {})
    targets.set(Target(resource, low, high, old.created if old else world.now, suspended))
    return {"ScalableTargetARN": _arn(region, resource)}


@operation("DeregisterScalableTarget", service=SERVICE)
def deregister_scalable_target(world: World, region: Region, request: dict[str, Any], caller: Caller) -> None:
    region.of(ScalableTargets).remove(request["ResourceId"])


@operation("DescribeScalableTargets", service=SERVICE)
def describe_scalable_targets(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    wanted = request.get("ResourceIds")
    everything = region.of(ScalableTargets).all() if request["ServiceNamespace"] == "sagemaker" else []
    found = [target for target in everything if not wanted or target.resource in wanted]
    try:
        cut, token = page(found, request, default=50)
    except AwsError as error:
        raise AwsError("InvalidNextTokenException", error.message) from None
    return {"ScalableTargets": [_target(region, target) for target in cut], "NextToken": token}


def _target(region: Region, target: Target) -> dict[str, Any]:
    states = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": target.resource,
        "ScalableDimension": DIMENSION,
        "MinCapacity": target.low,
        "MaxCapacity": target.high,
        "RoleARN": ROLE,
        "CreationTime": target.created,
        "SuspendedState": {state: target.suspended.get(state, False) for state in states},
        "ScalableTargetARN": _arn(region, target.resource),
    }


def _arn(region: Region, resource: str) -> str:
    return region.arn(f"scalable-target/{zlib.crc32(resource.encode()):020x}", service=SERVICE)
