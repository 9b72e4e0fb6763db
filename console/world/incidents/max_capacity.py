"""Auto Scaling went to its maximum, and it is not enough; the account's quota has room for more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.world.incidents.registry import Incident, incident
from console.world.incidents.release import service_named
from console.world.incidents.trouble import SCALED_S, trouble
from console.world.traffic.behaviour import Behaviour
from console.world.traffic.load import extra_for

if TYPE_CHECKING:
    from console.world.world import World

ENDPOINT = "search-rank"


def play(world: World) -> None:
    service = service_named(world, ENDPOINT)
    assert service.autoscaled
    more = extra_for(world.region(), ENDPOINT, "AllTraffic", 0.99, on=service.autoscaled[1])
    trouble(world, "max-capacity", Behaviour(ENDPOINT, demand_rps=more), ago_s=SCALED_S)


incident(
    Incident(
        name="max-capacity",
        headline="Auto Scaling is at its maximum, and every instance is busy",
        subject=f"endpoint/{ENDPOINT}",
        right="scale",
        wrong=("rollback", "retrain"),
        play=play,
    )
)
