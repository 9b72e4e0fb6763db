"""The account may have no more instances of this type: Auto Scaling is refused each time. An increase has been asked
for, and comes in two hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.world.incidents.registry import Incident, incident
from console.world.incidents.release import service_named
from console.world.incidents.trouble import SCALED_S, trouble
from console.world.quotas import Quotas
from console.world.sagemaker.endpoints import Endpoints
from console.world.sagemaker.fleet import instances_by_type
from console.world.traffic.behaviour import Behaviour
from console.world.traffic.load import extra_for

if TYPE_CHECKING:
    from console.world.world import World

ENDPOINT = "eta-minutes"
GRANTED_S = 2 * 3600.0
MORE = 12


def play(world: World) -> None:
    service, region = service_named(world, ENDPOINT), world.region()
    quotas = region.of(Quotas)
    used = instances_by_type(endpoint.fleet for endpoint in region.of(Endpoints))
    quotas.limits[service.instance_type] = used[service.instance_type]
    world.after(GRANTED_S, lambda _: quotas.grant(service.instance_type, MORE))
    more = extra_for(region, ENDPOINT, "AllTraffic", 0.99)
    trouble(world, "quota", Behaviour(ENDPOINT, demand_rps=more), ago_s=SCALED_S)


incident(
    Incident(
        name="quota",
        headline="Auto Scaling is refused: the account's limit for that instance type is used up",
        subject=f"endpoint/{ENDPOINT}",
        right="none",
        wrong=("scale", "rollback", "retrain"),
        play=play,
    )
)
