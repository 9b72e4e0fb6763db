"""More models are called than fit into memory: each is loaded, used and thrown out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.world.incidents.registry import Incident, incident
from console.world.incidents.release import service_named
from console.world.incidents.trouble import trouble
from console.world.traffic.behaviour import Behaviour

if TYPE_CHECKING:
    from console.world.world import World

ENDPOINT = "demand-cast"


def play(world: World) -> None:
    service_named(world, ENDPOINT)
    trouble(world, "mme-thrash", Behaviour(ENDPOINT, cold_models=0.35))


incident(
    Incident(
        name="mme-thrash",
        headline="a multi-model endpoint loads and unloads models all the time",
        subject=f"endpoint/{ENDPOINT}",
        right="scale",
        wrong=("rollback", "retrain"),
        play=play,
    )
)
