"""The feature store answers slowly, and the slower the more instances ask it: each has as many requests as before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.world.incidents.registry import Incident, incident
from console.world.incidents.release import service_named
from console.world.incidents.trouble import trouble
from console.world.traffic.behaviour import Behaviour

if TYPE_CHECKING:
    from console.world.world import World

ENDPOINT = "eta-minutes"


def play(world: World) -> None:
    service_named(world, ENDPOINT)
    slow = Behaviour(ENDPOINT, dependency_us=100_000, dependency_us_per_host=60_000)
    trouble(world, "slow-dependency", slow, lasts_s=3 * 3600)


incident(
    Incident(
        name="slow-dependency",
        headline="latency rises at equal requests per instance: the feature store is slow, not the model",
        subject=f"endpoint/{ENDPOINT}",
        right="none",
        wrong=("scale", "rollback", "retrain"),
        play=play,
    )
)
