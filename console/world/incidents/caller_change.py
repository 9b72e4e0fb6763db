"""A client sends another schema: its requests are refused with 400. The model is as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.world.incidents.registry import Incident, incident
from console.world.incidents.release import service_named
from console.world.incidents.trouble import trouble
from console.world.traffic.behaviour import Behaviour

if TYPE_CHECKING:
    from console.world.world import World

ENDPOINT = "review-toxic"
_LOG = "[{stamp}] [{pid}] [WARNING] 400 Bad Request: 'text' is a required property, found: 'body', 'locale'"


def play(world: World) -> None:
    service_named(world, ENDPOINT)
    trouble(world, "caller-change", Behaviour(ENDPOINT, bad_requests=0.3, says=_LOG), lasts_s=3 * 3600)


incident(
    Incident(
        name="caller-change",
        headline="three requests in ten are refused with 4xx: a client changed what it sends",
        subject=f"endpoint/{ENDPOINT}",
        right="none",
        wrong=("rollback", "retrain", "scale", "weights"),
        play=play,
    )
)
