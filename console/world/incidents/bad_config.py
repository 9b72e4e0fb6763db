"""A hotfix deployed past the canary finishes, and its containers fail on a feature that the store does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.world.identity import CI
from console.world.incidents.registry import Incident, incident
from console.world.incidents.release import alarm_follows, next_version, release, service_named
from console.world.sagemaker.endpoint_logs import MISSING_FEATURE, EndpointLogs

if TYPE_CHECKING:
    from console.world.world import World

ENDPOINT = "delay-risk"


def play(world: World) -> None:
    service = service_named(world, ENDPOINT)
    version = next_version(world, service)
    bad = f"{ENDPOINT}-v{version}"
    world.region().of(EndpointLogs).symptoms[bad] = MISSING_FEATURE
    alarm_follows(world, ENDPOINT, bad)
    # All at once takes four minutes on this instance type: it finishes half a minute from now.
    release(world, service, version, CI, ago_s=210, guarded=False)


incident(
    Incident(
        name="bad-config",
        headline="a deployment finishes and its containers answer with errors",
        subject=f"endpoint/{ENDPOINT}",
        right="rollback",
        wrong=("retrain", "scale", "weights"),
        play=play,
    )
)
