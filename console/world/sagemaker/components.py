"""Inference components: models that share the instances of an endpoint whose variant names none (facts: sagemaker 2.9).

Each has a status of its own and a number of copies, desired and current. Changes take as long as its containers start.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from console.world.autoscaling.targets import ScalableTargets
from console.world.errors import AwsError, validation
from console.world.identity import Caller
from console.world.operations import operation
from console.world.paging import ordered, page
from console.world.sagemaker.resources import Models
from console.world.sagemaker.tags import Tags
from console.world.traffic.machines import machine

if TYPE_CHECKING:
    from console.world.sagemaker.endpoints import Endpoint
    from console.world.world import Region, World

START_S = 150.0
"""Until a new copy serves: its model is downloaded and loaded."""
STOP_S = 30.0
_BUSY = {"Creating", "Updating", "Deleting"}


@dataclass(slots=True)
class Component:
    name: str
    arn: str
    endpoint: str
    variant: str
    specification: dict[str, Any]
    created: float
    modified: float
    status: str = "InService"
    copies: int = 0
    """That serve."""
    desired: int = 0
    launched: float = 0.0
    reason: str | None = None
    last_deployment: dict[str, Any] | None = field(default=None)

    @property
    def requirements(self) -> dict[str, Any]:
        found: dict[str, Any] = self.specification["ComputeResourceRequirements"]
        return found


class InferenceComponents:
    """Those of one region."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._items: dict[str, Component] = {}
        self.on_settled: list[Callable[[Component], None]] = []
        """Called after a change of one has come to its end."""

    def on(self, endpoint: str, variant: str | None = None) -> list[Component]:
        """Of an endpoint, by name."""
        found = (one for one in self._items.values() if one.endpoint == endpoint and variant in (None, one.variant))
        return sorted(found, key=lambda one: one.name)

    def all(self) -> list[Component]:
        return list(self._items.values())

    def arn(self, name: str) -> str:
        return self._region.arn(f"inference-component/{name.lower()}")

    def get(self, name: str) -> Component:
        found = self._items.get(name.lower())
        if found is None:
            raise validation(f'Could not find inference component "{self.arn(name)}".')
        return found

    def settled(self, name: str) -> Component:
        """If it takes changes now. AWS' words for one that does not are not known; they follow those for endpoints."""
        found = self.get(name)
        if found.status in _BUSY:
            raise validation(f'Cannot update in-progress inference component "{found.arn}".')
        return found

    def add(self, component: Component) -> Component:
        if component.name.lower() in self._items:
            raise validation(f'Cannot create already existing inference component "{component.arn}".')
        self._items[component.name.lower()] = component
        from console.world.sagemaker.endpoint_logs import EndpointLogs  # which asks for the components itself

        self._region.of(EndpointLogs).register_component(component.name)
        return component

    def remove(self, component: Component) -> None:
        self._items.pop(component.name.lower(), None)
        self._region.of(Tags).drop(component.arn)
        self._region.of(ScalableTargets).drop_component(component.name)

    def move(self, component: Component, status: str, lasts_s: float, *, reload: bool = False) -> None:
        """In `status` for so long, then InService with the desired copies if they fit, else as it was. `reload`: its
        containers start anew."""
        world = self._region.world
        component.status, component.modified, component.reason = status, world.now, None
        created = status == "Creating"

        def arrive(due: float) -> None:
            if component.status != status:
                return
            fits = self._fitting(component)
            component.copies = min(component.desired, fits)
            component.modified = due
            component.status = "InService"
            if component.desired > fits:
                component.reason = (
                    "Insufficient capacity: the endpoint does not have enough compute resources to place "
                    f"{component.desired} copies of the inference component; {fits} are placed."
                )
                if created and fits == 0:
                    component.status = "Failed"
            if reload or created:
                component.launched = due
            self._changed(component)
            for tell in self.on_settled:
                tell(component)

        world.after(lasts_s, arrive)

    def _fitting(self, component: Component) -> int:
        """Copies for which the instances of the variant have vCPUs, GPUs and memory beside the other components'."""
        variant = self.variant(component)
        if variant is None:
            return 0
        instance_type, instances = variant
        whole = machine(instance_type)
        others = [one for one in self.on(component.endpoint, component.variant) if one is not component]
        fits = math.inf
        for have, member in (
            (whole.vcpus, "NumberOfCpuCoresRequired"),
            (whole.gpus, "NumberOfAcceleratorDevicesRequired"),
            (whole.memory_mb, "MinMemoryRequiredInMb"),
        ):
            need = component.requirements.get(member, 0)
            used = sum(one.copies * one.requirements.get(member, 0) for one in others)
            if need:
                fits = min(fits, (have * instances - used) // need)
        return max(0, int(fits)) if math.isfinite(fits) else component.desired

    def variant(self, component: Component) -> tuple[str, int] | None:
        """Type and number of the instances that it runs on."""
        found = next((one for one in _endpoint(self._region, component).fleet if one.name == component.variant), None)
        return (found.instance_type or "", found.instances) if found else None

    def _changed(self, component: Component) -> None:
        from console.world.sagemaker.endpoints import Endpoints

        self._region.of(Endpoints).components_changed(component.endpoint)

    def delete(self, component: Component) -> None:
        component.status, component.modified = "Deleting", self._region.world.now

        def gone(due: float) -> None:
            self.remove(component)
            self._changed(component)

        self._region.world.after(STOP_S, gone)


def _endpoint(region: Region, component: Component) -> Endpoint:
    from console.world.sagemaker.endpoints import Endpoints  # which itself asks for the components

    return region.of(Endpoints).get(component.endpoint)


@operation("CreateInferenceComponent")
def create(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    from console.world.sagemaker.endpoints import Endpoints

    components, name = region.of(InferenceComponents), request["InferenceComponentName"]
    endpoint = region.of(Endpoints).get(request["EndpointName"])
    if endpoint.status != "InService":
        raise validation(f'Endpoint "{endpoint.arn}" must be InService to host inference components.')
    specification = request.get("Specification")
    if specification is None:
        raise validation("Specification must be specified.")
    hosts = [one for one in endpoint.fleet if one.model is None]
    variant = request.get("VariantName") or (hosts[0].name if len(hosts) == 1 else None)
    if variant not in {one.name for one in hosts}:
        raise validation(
            f'Variant "{variant}" of endpoint "{endpoint.arn}" does not support inference components: its endpoint '
            "configuration names a model."
        )
    _check_specification(region, components, specification)
    copies = request.get("RuntimeConfig", {}).get("CopyCount", 1)
    component = components.add(
        Component(
            name, components.arn(name), endpoint.name, str(variant), specification, world.now, world.now, desired=copies
        )
    )
    region.of(Tags).put(component.arn, request.get("Tags"))
    components.move(component, "Creating", START_S)
    return {"InferenceComponentArn": component.arn}


def _check_specification(region: Region, components: InferenceComponents, specification: dict[str, Any]) -> None:
    if "ModelName" in specification:
        region.of(Models).get(specification["ModelName"])
    if "BaseInferenceComponentName" in specification:
        components.get(specification["BaseInferenceComponentName"])
    elif "ComputeResourceRequirements" not in specification:
        raise validation("ComputeResourceRequirements must be specified.")
    specification.setdefault("ComputeResourceRequirements", {"MinMemoryRequiredInMb": 128})


@operation("UpdateInferenceComponent")
def update(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """A new specification replaces the old one whole, with a rolling update of its copies."""
    components = region.of(InferenceComponents)
    component = components.settled(request["InferenceComponentName"])
    specification = request.get("Specification")
    if specification:
        _check_specification(region, components, specification)
        component.specification = specification
    component.last_deployment = request.get("DeploymentConfig")
    component.desired = request.get("RuntimeConfig", {}).get("CopyCount", component.desired)
    components.move(component, "Updating", START_S, reload=bool(specification))
    return {"InferenceComponentArn": component.arn}


@operation("UpdateInferenceComponentRuntimeConfig")
def update_runtime(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    components = region.of(InferenceComponents)
    component = components.settled(request["InferenceComponentName"])
    copies = request["DesiredRuntimeConfig"]["CopyCount"]
    lasts_s = START_S if copies > component.copies else STOP_S
    component.desired = copies
    components.move(component, "Updating", lasts_s)
    return {"InferenceComponentArn": component.arn}


@operation("DeleteInferenceComponent")
def delete(world: World, region: Region, request: dict[str, Any], caller: Caller) -> None:
    components = region.of(InferenceComponents)
    components.delete(components.settled(request["InferenceComponentName"]))


@operation("DescribeInferenceComponent")
def describe(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    component = region.of(InferenceComponents).get(request["InferenceComponentName"])
    endpoint = _endpoint(region, component)
    return {
        "InferenceComponentName": component.name,
        "InferenceComponentArn": component.arn,
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "VariantName": component.variant,
        "FailureReason": component.reason,
        "Specification": _described(region, component),
        "RuntimeConfig": {"DesiredCopyCount": component.desired, "CurrentCopyCount": component.copies},
        "CreationTime": component.created,
        "LastModifiedTime": component.modified,
        "InferenceComponentStatus": component.status,
        "LastDeploymentConfig": component.last_deployment,
    }


def _described(region: Region, component: Component) -> dict[str, Any]:
    """Its container comes with the image that was deployed."""
    found = dict(component.specification)
    container = found.pop("Container", None)
    if container is not None:
        image = container.get("Image")
        deployed = {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": component.created}
        rest = {key: value for key, value in container.items() if key != "Image"}
        found["Container"] = rest | ({"DeployedImage": deployed} if image else {})
    return found


@operation("ListInferenceComponents")
def list_(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """Creation time narrows before the page is cut, all else afterwards, as for endpoints."""
    after, before = request.get("CreationTimeAfter", 0.0), request.get("CreationTimeBefore", math.inf)
    inside = [one for one in region.of(InferenceComponents).all() if after < one.created < before]
    keys = {
        "Name": lambda one: one.name,
        "CreationTime": lambda one: (one.created, one.name),
        "Status": lambda one: (one.status, one.name),
    }
    cut, token = page(ordered(inside, request, keys), request, filter_after=lambda one: _wanted(one, request))
    shown = [
        {
            "CreationTime": one.created,
            "InferenceComponentArn": one.arn,
            "InferenceComponentName": one.name,
            "EndpointArn": _arn_of(region, one),
            "EndpointName": one.endpoint,
            "VariantName": one.variant,
            "InferenceComponentStatus": one.status,
            "LastModifiedTime": one.modified,
        }
        for one in cut
    ]
    return {"InferenceComponents": shown, "NextToken": token}


def _arn_of(region: Region, component: Component) -> str:
    try:
        return _endpoint(region, component).arn
    except AwsError:
        return region.arn(f"endpoint/{component.endpoint.lower()}")


def _wanted(one: Component, request: dict[str, Any]) -> bool:
    return (
        request.get("NameContains", "").lower() in one.name.lower()
        and request.get("StatusEquals", one.status) == one.status
        and request.get("EndpointNameEquals", one.endpoint) == one.endpoint
        and request.get("VariantNameEquals", one.variant) == one.variant
        and request.get("LastModifiedTimeAfter", 0.0) < one.modified < request.get("LastModifiedTimeBefore", math.inf)
    )
