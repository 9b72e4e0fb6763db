"""AWS has no instances of this type to spare for two hours: Auto Scaling asks in vain. What serves must be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.world.incidents.registry import Incident, incident
from console.world.incidents.release import service_named
from console.world.incidents.trouble import SCALED_S, trouble
from console.world.sagemaker.endpoints import Endpoints
from console.world.traffic.behaviour import Behaviour
from console.world.traffic.load import extra_for

if TYPE_CHECKING:
    from console.world.world import World

ENDPOINT = "search-rank"
LASTS_S = 2 * 3600.0


def play(world: World) -> None:
    service = service_named(world, ENDPOINT)
    scarce = world.region().of(Endpoints).scarce
    scarce.add(service.instance_type)
    world.after(LASTS_S, lambda _: scarce.discard(service.instance_type))
    more = extra_for(world.region(), ENDPOINT, "AllTraffic", 0.99)
    trouble(world, "no-capacity", Behaviour(ENDPOINT, demand_rps=more), ago_s=SCALED_S)


incident(
    Incident(
        name="no-capacity",
        headline="Auto Scaling asks for instances, and AWS has none of that type to spare",
        subject=f"endpoint/{ENDPOINT}",
        right="none",
        wrong=("scale", "rollback", "retrain"),
        play=play,
    )
)
