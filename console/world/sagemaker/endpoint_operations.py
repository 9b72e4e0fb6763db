"""The operations on endpoints, with the refusals of facts sagemaker 2.2-2.8 and 13.1-13.8."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from console.world.autoscaling.targets import ScalableTargets
from console.world.errors import validation
from console.world.identity import Caller
from console.world.operations import operation
from console.world.paging import ordered, page
from console.world.sagemaker import course, endpoint_view
from console.world.sagemaker.components import InferenceComponents
from console.world.sagemaker.deployment import Policy
from console.world.sagemaker.endpoint_logs import EndpointLogs
from console.world.sagemaker.endpoints import Change, Endpoint, Endpoints
from console.world.sagemaker.fleet import (
    Fleet,
    Variant,
    check_autoscaled,
    check_guardrails,
    fleet_of,
    largest,
    launch_s,
    retained,
    slowest_launch_s,
)
from console.world.sagemaker.resources import Configs, Models
from console.world.sagemaker.tags import Tags

if TYPE_CHECKING:
    from console.world.world import Region, World


@operation("CreateEndpoint")
def create_endpoint(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    endpoints = region.of(Endpoints)
    name, config_name = request["EndpointName"], request["EndpointConfigName"]
    config = region.of(Configs).get(config_name)
    fleet = fleet_of(config.body)
    _check_models(region, fleet)
    endpoints.check_quota(fleet)
    deployment = request.get("DeploymentConfig")
    Policy.read(deployment)
    endpoint = endpoints.add(
        Endpoint(name, endpoints.arn(name), config.name, world.now, world.now, last_deployment=deployment)
    )
    region.of(Tags).put(endpoint.arn, request.get("Tags"))
    region.of(EndpointLogs).register(endpoint)
    way = course.create(slowest_launch_s(fleet), endpoints.bad_configs.get(config.name))
    endpoints.begin(endpoint, Change("create", way, world.now, config.name, fleet))
    return {"EndpointArn": endpoint.arn}


@operation("UpdateEndpoint")
def update_endpoint(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    endpoints, configs = region.of(Endpoints), region.of(Configs)
    endpoint = endpoints.settled(request["EndpointName"], also=("UpdateRollbackFailed", "OutOfService"))
    # The current config is read first: once it is deleted, every update fails naming it (terraform #40048).
    configs.get(endpoint.config)
    target = configs.visible(request["EndpointConfigName"], world.now, world.clock.real(world.config_lag_s))
    if target.name == endpoint.config and endpoint.status == "InService":
        # That it is refused is known from public clients' tests, the words are not (facts: sagemaker 2.5).
        raise validation(f'Endpoint "{endpoint.arn}" already uses endpoint configuration "{target.arn}".')
    deployment = endpoint.last_deployment if request.get("RetainDeploymentConfig") else request.get("DeploymentConfig")
    policy = Policy.read(deployment)
    fleet = retained(fleet_of(target.body), endpoint.fleet, request)
    _check_models(region, fleet)
    check_guardrails(policy, deployment is not None, endpoint.fleet, fleet)
    check_autoscaled(region.of(ScalableTargets).variants_of(endpoint.name), endpoint.fleet, fleet)
    # Blue/green needs the whole second fleet at once, rolling a batch (facts: sagemaker 2.8).
    share = policy.step.share(largest(fleet)) if policy.routing == "ROLLING" else 1.0
    endpoints.check_quota(fleet, share)
    endpoint.last_deployment = deployment
    trouble = endpoints.bad_configs.get(target.name)
    if trouble is None and any(one.instance_type in endpoints.scarce for one in fleet):
        trouble = course.Trouble(course.NO_CAPACITY, after_s=slowest_launch_s(fleet))
    way = course.update(policy, largest(fleet), slowest_launch_s(fleet), trouble)
    endpoints.begin(endpoint, Change("update", way, world.now, target.name, fleet))
    return {"EndpointArn": endpoint.arn}


@operation("UpdateEndpointWeightsAndCapacities")
def update_weights(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    endpoints = region.of(Endpoints)
    endpoint = endpoints.settled(request["EndpointName"])
    wanted = {one["VariantName"]: one for one in request["DesiredWeightsAndCapacities"]}
    unknown = sorted(set(wanted) - {variant.name for variant in endpoint.fleet})
    if unknown:
        raise validation(f'Could not find variant(s) {unknown} in endpoint "{endpoint.arn}".')
    fleet: Fleet = tuple(
        replace(
            variant,
            weight=float(wanted.get(variant.name, {}).get("DesiredWeight", variant.weight)),
            instances=wanted.get(variant.name, {}).get("DesiredInstanceCount", variant.instances),
            serverless=_serverless(variant, wanted.get(variant.name, {})),
        )
        for variant in endpoint.fleet
    )
    if not sum(variant.weight for variant in fleet):
        raise validation("At least one variant must have a weight greater than 0.")
    grown = tuple(
        replace(new, instances=new.instances - old.instances)
        for old, new in zip(endpoint.fleet, fleet, strict=True)
        if new.instances > old.instances
    )
    endpoints.check_quota(grown)
    resized = any(
        old.instances != new.instances or old.serverless != new.serverless
        for old, new in zip(endpoint.fleet, fleet, strict=True)
    )
    launch = max((launch_s(one.instance_type or "") for one in grown), default=0.0)
    lasts_s = launch or (60.0 if resized else course.WEIGHTS_S)
    trouble = endpoints.bad_scalings.pop(endpoint.name, None)
    if trouble is None and any(one.instance_type in endpoints.scarce for one in grown):
        trouble = course.Trouble(course.NO_CAPACITY, after_s=lasts_s)
    way = course.scale(lasts_s, trouble)
    endpoints.begin(endpoint, Change("scale", way, world.now, endpoint.config, fleet))
    return {"EndpointArn": endpoint.arn}


def _serverless(variant: Variant, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """Its concurrency as asked for. Raises ValidationException for a variant of the other kind."""
    update = wanted.get("ServerlessUpdateConfig")
    if update and variant.serverless is None:
        raise validation(f'ServerlessUpdateConfig cannot be specified for variant "{variant.name}", which is not.')
    if variant.serverless is not None and "DesiredInstanceCount" in wanted:
        raise validation(f'DesiredInstanceCount cannot be specified for serverless variant "{variant.name}".')
    found = variant.serverless | update if update and variant.serverless is not None else variant.serverless
    if found and found.get("ProvisionedConcurrency", 0) > found["MaxConcurrency"]:
        raise validation("ProvisionedConcurrency must be less than or equal to MaxConcurrency.")
    return found


@operation("DeleteEndpoint")
def delete_endpoint(world: World, region: Region, request: dict[str, Any], caller: Caller) -> None:
    endpoints = region.of(Endpoints)
    endpoint = endpoints.settled(request["EndpointName"], also=("UpdateRollbackFailed", "OutOfService", "Failed"))
    if region.of(InferenceComponents).on(endpoint.name):  # AWS' own words are not known
        raise validation(f'Cannot delete endpoint "{endpoint.arn}" while inference components are deployed on it.')
    gone = Change("delete", course.deletion(), world.now, endpoint.config, endpoint.fleet)
    endpoints.begin(endpoint, gone)


@operation("DescribeEndpoint")
def describe_endpoint(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    endpoints = region.of(Endpoints)
    endpoint = endpoints.get(request["EndpointName"])
    return endpoint_view.description(region, endpoint, endpoints.phase(endpoint, world.now))


@operation("ListEndpoints")
def list_endpoints(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """Creation time narrows before the page is cut, all else afterwards (facts: sagemaker 3)."""
    after, before = request.get("CreationTimeAfter", 0.0), request.get("CreationTimeBefore", math.inf)
    inside = [one for one in region.of(Endpoints) if after < one.created < before]
    keys = {
        "Name": lambda one: one.name,
        "CreationTime": lambda one: (one.created, one.name),
        "Status": lambda one: (one.status, one.name),
    }
    cut, token = page(ordered(inside, request, keys), request, filter_after=lambda one: _wanted(one, request))
    return {"Endpoints": [endpoint_view.summary(one) for one in cut], "NextToken": token}


def _wanted(endpoint: Endpoint, request: dict[str, Any]) -> bool:
    return (
        request.get("NameContains", "").lower() in endpoint.name.lower()
        and request.get("StatusEquals", endpoint.status) == endpoint.status
        and request.get("LastModifiedTimeAfter", 0.0) < endpoint.modified
        and endpoint.modified < request.get("LastModifiedTimeBefore", math.inf)
    )


def _check_models(region: Region, fleet: Fleet) -> None:
    models = region.of(Models)
    for variant in fleet:
        if variant.model:
            models.get(variant.model)
