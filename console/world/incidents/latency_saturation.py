"""More requests than the instances can bear, and nothing that would add any: they wait for each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.world.incidents.registry import Incident, incident
from console.world.incidents.release import service_named
from console.world.incidents.trouble import trouble
from console.world.traffic.behaviour import Behaviour
from console.world.traffic.load import extra_for

if TYPE_CHECKING:
    from console.world.world import World

ENDPOINT = "delay-risk"


def play(world: World) -> None:
    service_named(world, ENDPOINT)
    more = extra_for(world.region(), ENDPOINT, "AllTraffic", 0.99)
    trouble(world, "latency-saturation", Behaviour(ENDPOINT, demand_rps=more))


incident(
    Incident(
        name="latency-saturation",
        headline="p99 is many times what it was: more requests than the instances can bear",
        subject=f"endpoint/{ENDPOINT}",
        right="scale",
        wrong=("rollback", "retrain"),
        play=play,
    )
)
