"""Requests wait in front of the container: OverheadLatency rises, ModelLatency does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.world.incidents.registry import Incident, incident
from console.world.incidents.release import service_named
from console.world.incidents.trouble import trouble
from console.world.traffic.behaviour import Behaviour

if TYPE_CHECKING:
    from console.world.world import World

ENDPOINT = "ads-embed"


def play(world: World) -> None:
    service_named(world, ENDPOINT)
    trouble(world, "overhead", Behaviour(ENDPOINT, overhead_us=180_000), lasts_s=3 * 3600)


incident(
    Incident(
        name="overhead",
        headline="requests wait outside of the container; the model is as fast as ever",
        subject=f"endpoint/{ENDPOINT}",
        right="none",
        wrong=("rollback", "retrain", "scale"),
        play=play,
    )
)
