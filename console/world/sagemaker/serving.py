"""What serves of an endpoint now, as the traffic's history keeps it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from console.world.sagemaker.components import InferenceComponents
from console.world.sagemaker.deployment import Phase, counted
from console.world.sagemaker.fleet import Fleet, Variant, fleet_of
from console.world.sagemaker.resources import Configs, Models
from console.world.traffic.history import Flavour, Histories, Serving, Servings

if TYPE_CHECKING:
    from console.world.sagemaker.endpoints import Change, Endpoint
    from console.world.world import Region


def record(region: Region, endpoint: Endpoint, phase: Phase | None) -> None:
    """To be called after whatever changes who serves: a phase, a weight, a count, a copy. `phase` is that of the
    endpoint's change."""
    histories = region.of(Histories)
    known = histories.find(endpoint.name)
    deployed = {endpoint.config} if known and known.was_deployed(endpoint.config) else set()
    told = serving_now(region, endpoint, endpoint.change, phase, deployed)
    histories.record(endpoint.name, region.world.now, told)


def serving_now(
    region: Region, endpoint: Endpoint, change: Change | None, phase: Phase | None, deployed: Collection[str]
) -> Servings:
    """`deployed`: configs that UpdateEndpoint once brought."""
    if endpoint.status in ("Failed", "OutOfService", "Creating", "Deleting"):
        return ()
    body = _body(region, endpoint.config)
    old = (endpoint.config, body, endpoint.fleet, endpoint.launched, endpoint.config in deployed)
    if change is None or phase is None or change.kind != "update":
        return fleet_servings(region, endpoint.name, *old, 1.0, 1.0)
    from console.world.sagemaker.endpoints import Endpoints

    launched = region.of(Endpoints).launched(change)
    new = (change.config, _body(region, change.config), change.fleet, launched, True)
    return (
        *fleet_servings(region, endpoint.name, *old, phase.old, 1.0 - phase.traffic),
        *fleet_servings(region, endpoint.name, *new, phase.new, phase.traffic),
    )


def _body(region: Region, config: str) -> dict[str, Any]:
    """A config's members; none of one that was deleted while in use."""
    known = region.of(Configs).find(config)
    return known.body if known else {}


def fleet_servings(
    region: Region,
    endpoint: str,
    config: str,
    body: dict[str, Any],
    fleet: Fleet,
    launched: float,
    deployed: bool,
    runs: float,
    share: float,
) -> Servings:
    """`body`: the config's members; `runs`: the share of the fleet's instances that serve; `share`: of the endpoint's
    requests."""
    if not fleet or (runs <= 0 and share <= 0):
        return ()
    total = sum(one.weight for one in fleet) or 1.0
    found = []
    for one in fleet:
        flavour = flavour_of(region, body, one)
        mine = share * one.weight / total
        guests = tuple(_components(region, endpoint, config, one, launched, deployed, runs, mine, flavour == "host"))
        found.append(
            Serving(
                config,
                one.name,
                flavour,
                one.instance_type,
                counted(runs, one.instances),
                0.0 if flavour == "host" else mine,
                launched,
                deployed,
                concurrency=(one.serverless or {}).get("MaxConcurrency", 0),
                provisioned=(one.serverless or {}).get("ProvisionedConcurrency", 0),
                memory_mb=float((one.serverless or {}).get("MemorySizeInMB", 0)),
            )
        )
        found.extend(guests)
    for one in fleet_of(body, "ShadowProductionVariants"):
        instances, copies = counted(runs, one.instances), share * min(1.0, one.weight / total)
        kind = flavour_of(region, body, one)
        found.append(
            Serving(config, one.name, kind, one.instance_type, instances, copies, launched, deployed, shadow=True)
        )
    return tuple(found)


def flavour_of(region: Region, config: dict[str, Any], variant: Variant) -> Flavour:
    """Facts: sagemaker 2.9."""
    if variant.serverless:
        return "serverless"
    if config.get("AsyncInferenceConfig"):
        return "async"
    if variant.model is None:
        return "host"
    model = region.of(Models).find(variant.model)
    container = model.body.get("PrimaryContainer", {}) if model else {}
    return "multi-model" if container.get("Mode") == "MultiModel" else "instances"


def _components(
    region: Region,
    endpoint: str,
    config: str,
    variant: Variant,
    launched: float,
    deployed: bool,
    runs: float,
    share: float,
    hosts: bool,
) -> Iterator[Serving]:
    """Requests name their component; they are asked for alike."""
    guests = region.of(InferenceComponents).on(endpoint, variant.name) if hosts else []
    for one in guests:
        needs = one.requirements
        yield Serving(
            config,
            variant.name,
            "component",
            variant.instance_type,
            counted(runs, one.copies),
            share / len(guests),
            max(launched, one.launched),
            deployed,
            component=one.name,
            vcpus=float(needs.get("NumberOfCpuCoresRequired", 1.0)),
            gpus=float(needs.get("NumberOfAcceleratorDevicesRequired", 0.0)),
            memory_mb=float(needs["MinMemoryRequiredInMb"]),
        )
