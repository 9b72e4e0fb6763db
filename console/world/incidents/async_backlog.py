"""A batch of documents arrives at an asynchronous endpoint, three times what its instance gets done: they queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.world.incidents.registry import Incident, incident
from console.world.incidents.release import service_named
from console.world.incidents.trouble import trouble
from console.world.traffic.behaviour import Behaviour
from console.world.traffic.load import extra_for

if TYPE_CHECKING:
    from console.world.world import World

ENDPOINT = "doc-extract"


def play(world: World) -> None:
    service_named(world, ENDPOINT)
    more = extra_for(world.region(), ENDPOINT, "AllTraffic", 3.0)
    trouble(world, "async-backlog", Behaviour(ENDPOINT, demand_rps=more), ago_s=3600.0)


incident(
    Incident(
        name="async-backlog",
        headline="an asynchronous endpoint gets three times what it can process; requests wait for an hour",
        subject=f"endpoint/{ENDPOINT}",
        right="scale",
        wrong=("rollback", "retrain"),
        play=play,
    )
)
