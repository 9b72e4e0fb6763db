"""What can be scaled of SageMaker, read and set as Application Auto Scaling does: by the service's own operations, as
its service-linked role, so that CloudTrail tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from console.world.autoscaling.targets import CONCURRENCY, COPIES, ROLE_NAME, Key
from console.world.errors import AwsError
from console.world.identity import role_session
from console.world.sagemaker.components import InferenceComponents
from console.world.sagemaker.endpoints import Endpoints

if TYPE_CHECKING:
    from console.world.world import Region

_HOST = "application-autoscaling.amazonaws.com"
CALLER = role_session(ROLE_NAME, "AutoScaling-UpdateDesiredCapacity", agent=_HOST, ip=_HOST)


@dataclass(frozen=True, slots=True)
class Capacity:
    desired: int
    serving: int
    busy: bool
    """In a state in which SageMaker changes nothing."""


def read(region: Region, key: Key) -> Capacity | None:
    """None: there is no such variant or inference component, or not of that kind."""
    if key.dimension == COPIES:
        try:
            component = region.of(InferenceComponents).get(key.name)
        except AwsError:
            return None
        return Capacity(component.desired, component.copies, component.status != "InService")
    try:
        endpoint = region.of(Endpoints).get(key.endpoint)
    except AwsError:
        return None
    variant = next((one for one in endpoint.fleet if one.name == key.name), None)
    if variant is None or endpoint.name != key.endpoint or bool(variant.serverless) != (key.dimension == CONCURRENCY):
        return None
    count = variant.instances
    if variant.serverless is not None:
        count = int(variant.serverless.get("ProvisionedConcurrency", 0))
    return Capacity(count, count, endpoint.status != "InService")


def change(region: Region, key: Key, capacity: int) -> None:
    """Accepted by SageMaker; it takes minutes. Raises AwsError as the operation does."""
    if key.dimension == COPIES:
        request: dict[str, Any] = {"InferenceComponentName": key.name, "DesiredRuntimeConfig": {"CopyCount": capacity}}
        region.world.call("UpdateInferenceComponentRuntimeConfig", request, CALLER, region.name)
        return
    wanted: dict[str, Any] = {"VariantName": key.name}
    if key.dimension == CONCURRENCY:
        wanted["ServerlessUpdateConfig"] = {"ProvisionedConcurrency": capacity}
    else:
        wanted["DesiredInstanceCount"] = capacity
    request = {"EndpointName": key.endpoint, "DesiredWeightsAndCapacities": [wanted]}
    region.world.call("UpdateEndpointWeightsAndCapacities", request, CALLER, region.name)
