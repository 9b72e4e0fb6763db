"""A bad config that Terraform's state insists on: whoever rolls it back sees it return with the next apply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.world.identity import TERRAFORM
from console.world.incidents.registry import Incident, incident
from console.world.incidents.release import alarm_follows, next_version, release, service_named, when_settled
from console.world.sagemaker.endpoint_logs import MISSING_FEATURE, EndpointLogs
from console.world.sagemaker.endpoints import Endpoint

if TYPE_CHECKING:
    from console.world.world import World

ENDPOINT = "eta-minutes"
NEXT_APPLY_S = 240.0
"""From the end of a roll back to the apply that undoes it."""


def play(world: World) -> None:
    service = service_named(world, ENDPOINT)
    version = next_version(world, service)
    bad = f"{ENDPOINT}-v{version}"
    applied: list[str] = []

    def apply_again(endpoint: Endpoint) -> None:
        """Once: then somebody has changed the code."""
        if endpoint.config == bad or applied or bad not in deployed:
            return
        applied.append(bad)
        release(world, service, version, TERRAFORM, ago_s=-NEXT_APPLY_S, guarded=False, known=True)

    deployed: list[str] = []
    world.region().of(EndpointLogs).symptoms[bad] = MISSING_FEATURE
    alarm_follows(world, ENDPOINT, bad)
    when_settled(world, ENDPOINT, lambda endpoint: deployed.append(endpoint.config))
    when_settled(world, ENDPOINT, apply_again)
    release(world, service, version, TERRAFORM, ago_s=240, guarded=False)


incident(
    Incident(
        name="undone-fix",
        headline="a config answers with errors, and Terraform deploys it again after it was rolled back",
        subject=f"endpoint/{ENDPOINT}",
        right="rollback",
        wrong=("retrain", "scale"),
        play=play,
    )
)
