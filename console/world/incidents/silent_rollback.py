"""A deployment never answers its health check and comes back to the old config without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.world.identity import TERRAFORM
from console.world.incidents.registry import Incident, incident
from console.world.incidents.release import next_version, release, service_named
from console.world.sagemaker.course import PING_S, Trouble
from console.world.sagemaker.endpoint_logs import NO_MODULE, EndpointLogs
from console.world.sagemaker.endpoints import Endpoints

if TYPE_CHECKING:
    from console.world.world import World

ENDPOINT = "eta-minutes"


def play(world: World) -> None:
    region, service = world.region(), service_named(world, ENDPOINT)
    version = next_version(world, service)
    bad = f"{ENDPOINT}-v{version}"
    region.of(Endpoints).bad_configs[bad] = Trouble(reason=None)
    region.of(EndpointLogs).symptoms[bad] = NO_MODULE
    # Given up after 24 minutes, taken down in another: InService on the old config half a minute from now.
    release(world, service, version, TERRAFORM, ago_s=PING_S + 30, guarded=False)


incident(
    Incident(
        name="silent-rollback",
        headline="a deployment fails its health check; the endpoint is InService on the old config, without a reason",
        subject=f"endpoint/{ENDPOINT}",
        right="none",
        wrong=("rollback", "retrain", "scale"),
        play=play,
    )
)
