"""Workers lose memory until they are killed, and their requests with them. They are recycled every ten minutes, which
was enough; with more instances each loses less in that time, and it is enough again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.world.incidents.registry import Incident, incident
from console.world.incidents.release import service_named
from console.world.incidents.trouble import trouble
from console.world.traffic.behaviour import Behaviour
from console.world.traffic.history import Histories
from console.world.traffic.model import leak_span

if TYPE_CHECKING:
    from console.world.world import World

ENDPOINT = "route-cost"
RECYCLED_S, FULL_AFTER_S = 600.0, 560.0
"""On three instances in place of two, 560 seconds become 840, give or take 15 %."""


def play(world: World) -> None:
    service_named(world, ENDPOINT)
    history = world.region().of(Histories).find(ENDPOINT)
    assert history is not None
    per_hour = leak_span(history.workload) * 3600.0 / FULL_AFTER_S
    trouble(world, "oom", Behaviour(ENDPOINT, memory_per_hour=per_hour, recycled_s=RECYCLED_S), ago_s=1800.0)


incident(
    Incident(
        name="oom",
        headline="memory climbs until workers are killed; their requests fail",
        subject=f"endpoint/{ENDPOINT}",
        right="scale",
        wrong=("rollback", "retrain"),
        play=play,
    )
)
