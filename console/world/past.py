"""What the seed's endpoints served before the world began: each release's phases, told when somebody asks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from console.world.roster import Service
from console.world.sagemaker import course
from console.world.sagemaker.components import Component, InferenceComponents
from console.world.sagemaker.deployment import Policy
from console.world.sagemaker.fleet import Fleet, fleet_of, largest, slowest_launch_s
from console.world.sagemaker.serving import fleet_servings
from console.world.traffic.demand import Workload, workload
from console.world.traffic.history import Era, Histories, Servings
from console.world.traffic.machines import Machine, machine

if TYPE_CHECKING:
    from console.world.sagemaker.endpoints import Endpoint
    from console.world.world import Region

CORES = 1.5
"""vCPUs of a copy of a seeded inference component."""
COPIES = {"b2b": 2, "b2c": 2}


def plant(region: Region, service: Service, endpoint: Endpoint, moves: list[tuple[float, int]]) -> None:
    """`moves`: when (epoch seconds) UpdateEndpoint led to which version."""
    load = _workload(region, service)
    region.of(Histories).plant(service.name, lambda: _eras(region, service, endpoint.created, moves), load)
    if service.kind == "components":
        for suffix in COPIES:
            region.of(Histories).host(f"{service.name}-{suffix}", service.name)


def plant_components(region: Region, service: Service, at: float) -> None:
    components = region.of(InferenceComponents)
    for suffix, copies in COPIES.items():
        name = f"{service.name}-{suffix}"
        needs = {"NumberOfCpuCoresRequired": CORES, "MinMemoryRequiredInMb": 3072}
        body = {"ModelName": f"{service.name}-v{service.version}", "ComputeResourceRequirements": needs}
        made = Component(name, components.arn(name), service.name, "AllTraffic", body, at, at)
        made.copies = made.desired = copies
        made.launched = at
        components.add(made)


def _workload(region: Region, service: Service) -> Workload:
    one, hosts = machine(service.instance_type), service.instances
    if service.kind == "components":
        one, hosts = Machine(CORES, 3072), sum(COPIES.values())
    if service.kind == "serverless":
        one, hosts = Machine(1.0, 2048), 1
    return workload(region.world.seed, service.name, one, hosts, region.world.now, flavour=service.kind)


def _eras(region: Region, service: Service, created: float, moves: list[tuple[float, int]]) -> list[Era]:
    """By the policy that the service's deployer asks for; modelled durations, not shortened: it is long ago."""
    from console.world.seed import config_request, deployment_config

    policy = Policy.read(deployment_config(service))

    def serves(version: int, launched: float, deployed: bool, runs: float = 1.0, share: float = 1.0) -> Servings:
        body = config_request(service, version)
        named = f"{service.name}-v{version}"
        fleet = _fleet(service, body)
        return fleet_servings(region, service.name, named, body, fleet, launched, deployed, runs, share)

    version, launched, deployed = max(1, moves[0][1] - 1), created, False
    eras = [Era(created, serves(version, launched, deployed))]
    for at, target in moves:
        fleet = _fleet(service, config_request(service, target))
        way = course.update(policy, largest(fleet), slowest_launch_s(fleet))
        elapsed_s, new_launched = 0.0, at + 169
        for phase in way.phases:
            old = serves(version, launched, deployed, phase.old, 1.0 - phase.traffic)
            new = serves(target, new_launched, True, phase.new, phase.traffic)
            eras.append(Era(at + elapsed_s, old + new if target != version else old))
            elapsed_s += phase.lasts_s
        version, launched, deployed = target, new_launched, True
        eras.append(Era(at + elapsed_s, serves(version, launched, deployed)))
    return eras


def _fleet(service: Service, body: dict[str, object]) -> Fleet:
    fleet = fleet_of(body)
    return tuple(replace(one, instances=service.instances) for one in fleet) if service.autoscaled else fleet
