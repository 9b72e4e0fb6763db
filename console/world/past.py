"""What the seed's endpoints served before the world began: each release's phases, told when somebody asks."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from console.world.autoscaling.activities import Activities
from console.world.autoscaling.past import COOLDOWN_S, ScalingPast, Tracked, target_for
from console.world.autoscaling.policies import TRACKING, Policies
from console.world.autoscaling.targets import ScalableTargets
from console.world.autoscaling.tracking import HIGH, LOW
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

DAY_S = 86400.0
_AFTERNOON_S = 13 * 3600.0
_EASTERNMOST_S = 14 * 3600.0
CORES = 1.5
"""vCPUs of a copy of a seeded inference component."""
Counts = Mapping[str, int]
"""Instances by variant."""
_Serves = Callable[[Counts], Servings]
COPIES = {"b2b": 2, "b2c": 2}


def plant(region: Region, service: Service, endpoint: Endpoint, moves: list[tuple[float, int]]) -> None:
    """`moves`: when (epoch seconds) UpdateEndpoint led to which version."""
    load = _workload(region, service)
    scaling = _scaling(region, service, endpoint, moves, load) if service.autoscaled else None
    region.of(Histories).plant(service.name, lambda: _eras(region, service, endpoint.created, moves, scaling), load)
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
    load = workload(region.world.seed, service.name, one, hosts, region.world.now, flavour=service.kind)
    if not service.autoscaled:
        return load
    # Its callers live where it is early afternoon when the world begins: then the seeded number of instances is right,
    # and stays so for some hours, whatever the clock says here.
    away_s = 3600.0 * round((_AFTERNOON_S - region.world.now) % DAY_S / 3600.0)
    return replace(load, rhythm="shoppers", zone_s=away_s - DAY_S if away_s > _EASTERNMOST_S else away_s)


def _scaling(
    region: Region, service: Service, endpoint: Endpoint, moves: list[tuple[float, int]], load: Workload
) -> ScalingPast:
    """Each variant's target and policy, with what they did in the last weeks."""
    assert service.autoscaled
    low, high = service.autoscaled
    targets, policies, now = region.of(ScalableTargets), region.of(Policies), region.world.now
    total, tracked = sum(one.weight for one in endpoint.fleet), []
    for variant in endpoint.fleet:
        key = targets.put(service.name, variant.name, low, high, endpoint.created).key
        value = target_for(load, variant.weight / total, variant.instances, now)
        metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
        config = {"TargetValue": value, "PredefinedMetricSpecification": metric}
        config |= {"ScaleOutCooldown": int(COOLDOWN_S), "ScaleInCooldown": int(COOLDOWN_S), "DisableScaleIn": False}
        policy = policies.put(key, f"{service.name}-invocations", TRACKING, config, since=endpoint.created)
        names = dict(zip((HIGH, LOW), policy.own_alarms, strict=True))
        share = variant.weight / total
        tracked.append(Tracked(key, share, low, high, variant.instances, value, policy.name, names))
    launch_s = slowest_launch_s(endpoint.fleet)
    way_s = _way(service, endpoint.fleet).length_s
    past = ScalingPast(load, tracked, endpoint.created, now, launch_s, [(at, at + way_s) for at, _ in moves])
    for one in tracked:
        region.of(Activities).plant(one.key.resource, partial(past.activities, one.key))
    return past


def _way(service: Service, fleet: Fleet) -> course.Course:
    from console.world.seed import deployment_config  # which itself plants the past

    return course.update(Policy.read(deployment_config(service)), largest(fleet), slowest_launch_s(fleet))


def _eras(
    region: Region, service: Service, created: float, moves: list[tuple[float, int]], scaling: ScalingPast | None
) -> list[Era]:
    """By the policy that the service's deployer asks for; modelled durations, not shortened: it is long ago."""
    from console.world.seed import config_request

    def serves(version: int, launched: float, deployed: bool, runs: float = 1.0, share: float = 1.0) -> _Serves:
        body = config_request(service, version)
        named = f"{service.name}-v{version}"

        def told(counts: Counts) -> Servings:
            fleet = _fleet(service, body, counts)
            return fleet_servings(region, service.name, named, body, fleet, launched, deployed, runs, share)

        return told

    version, launched, deployed = max(1, moves[0][1] - 1), created, False
    parts: list[tuple[float, list[_Serves]]] = [(created, [serves(version, launched, deployed)])]
    for at, target in moves:
        elapsed_s, new_launched = 0.0, at + 169
        for phase in _way(service, _fleet(service, config_request(service, target), {})).phases:
            old = serves(version, launched, deployed, phase.old, 1.0 - phase.traffic)
            new = serves(target, new_launched, True, phase.new, phase.traffic)
            parts.append((at + elapsed_s, [old, new] if target != version else [old]))
            elapsed_s += phase.lasts_s
        version, launched, deployed = target, new_launched, True
        parts.append((at + elapsed_s, [serves(version, launched, deployed)]))
    if scaling is None:
        return [Era(at, sum((one({}) for one in told), ())) for at, told in parts]
    return list(_scaled(parts, scaling))


def _scaled(parts: list[tuple[float, list[_Serves]]], scaling: ScalingPast) -> Iterator[Era]:
    """The same with the numbers of instances as they changed."""
    starts = [at for at, _ in parts]
    for moment in sorted({*starts, *(at for at in scaling.changes() if at > starts[0])}):
        told = parts[bisect.bisect_right(starts, moment) - 1][1]
        counts = scaling.counts(moment)
        yield Era(moment, sum((one(counts) for one in told), ()))


def _fleet(service: Service, body: dict[str, object], counts: Counts) -> Fleet:
    """`counts`: of autoscaled variants, where they are not the seeded ones."""
    fleet = fleet_of(body)
    if not service.autoscaled:
        return fleet
    return tuple(replace(one, instances=counts.get(one.name, service.instances)) for one in fleet)
