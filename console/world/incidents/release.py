"""Deeds that incidents on endpoints share: somebody releases a version, and an alarm follows the health of a config."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from console.world.clock import Effect
from console.world.cloudwatch.alarms import Alarms
from console.world.cloudwatch.evaluation import State
from console.world.errors import AwsError
from console.world.identity import Caller
from console.world.roster import ROSTER, Service
from console.world.sagemaker.endpoints import Endpoint, Endpoints
from console.world.sagemaker.resources import Configs
from console.world.seed import config_request, model_request, plant_service, update_request

if TYPE_CHECKING:
    from console.world.world import World

BUILD_S = 300.0
"""Between making a version's config and deploying it: a pipeline's tests."""


def service_named(world: World, name: str) -> Service:
    """A service of the roster; it is planted if this world's fleet is too small to have it."""
    service = next(one for one in ROSTER if one.name == name)
    region = world.region()
    if name not in {endpoint.name for endpoint in region.of(Endpoints)}:
        plant_service(world, region, service)
    return service


def next_version(world: World, service: Service) -> int:
    configs = world.region().of(Configs)
    version = service.version + 1
    while configs.find(f"{service.name}-v{version}"):
        version += 1
    return version


def release(
    world: World,
    service: Service,
    version: int,
    by: Caller,
    ago_s: float,
    *,
    guarded: bool,
    known: bool = False,
    bake_s: int | None = None,
) -> str:
    """`by` makes the version (unless it is `known`) and deploys it `ago_s` modelled seconds before now, negative for
    the future. Not `guarded`: without the service's deployment policy. `bake_s`: another WaitIntervalInSeconds of a
    blue/green one. Returns the config's name."""
    region, start = world.region(), world.now - world.clock.real(ago_s)
    config = config_request(service, version)
    update = update_request(service, version)
    if not guarded:
        update.pop("DeploymentConfig", None)
    elif bake_s is not None:
        routing = update["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
        routing["WaitIntervalInSeconds"] = bake_s

    if not known:
        made = start - world.clock.real(BUILD_S)
        world.agenda.at(made, _deed(world, by, "CreateModel", model_request(region.name, service.name, version)))
        world.agenda.at(made, _deed(world, by, "CreateEndpointConfig", config))
    world.agenda.at(start, _deed(world, by, "UpdateEndpoint", update))
    return str(config["EndpointConfigName"])


def _deed(world: World, by: Caller, operation: str, request: dict[str, Any]) -> Effect:
    """A call at its moment. Refused, because somebody else was quicker, it stays in CloudTrail with its error code."""

    def do(due: float) -> None:
        with contextlib.suppress(AwsError):
            world.call(operation, request, by)

    return do


def alarm_follows(
    world: World, endpoint: str, bad: str, red_after_s: float = 90.0, green_after_s: float = 120.0
) -> None:
    """The service's 5xx alarm goes red some time after config `bad` is in service, and green again after it is not: in
    a world that runs faster than its metrics come, by the minute of the wall clock. At speed 1 it is left to them."""
    if world.clock.speed == 1.0:
        return
    alarm, alarms = f"{endpoint}-5xx", world.region().of(Alarms)

    def follow(changed: Endpoint) -> None:
        serving_bad = changed.config == bad
        state: State = "ALARM" if serving_bad else "OK"
        after_s = red_after_s if serving_bad else green_after_s

        def turn(due: float) -> None:
            if (changed.config == bad) is not serving_bad:
                return
            reason = "Threshold Crossed: 3 datapoints were " + ("" if serving_bad else "not ") + "greater than 20.0."
            (alarms.hold if serving_bad else alarms.release)(alarm, state, reason)

        world.after(after_s, turn)

    when_settled(world, endpoint, follow)


def when_settled(world: World, endpoint: str, then: Callable[[Endpoint], None]) -> None:
    """Calls `then` each time a change of the endpoint has come to its end."""

    def settled(changed: Endpoint) -> None:
        if changed.name == endpoint:
            then(changed)

    world.region().of(Endpoints).on_settled.append(settled)
