"""No capacity for the second fleet: the deployment hangs in Creating until its own time limit takes it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.world.identity import CI
from console.world.incidents.registry import Incident, incident
from console.world.incidents.release import next_version, release, service_named
from console.world.sagemaker.course import Trouble
from console.world.sagemaker.endpoints import Endpoints

if TYPE_CHECKING:
    from console.world.world import World

ENDPOINT = "fraud-online"
NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)


def play(world: World) -> None:
    service = service_named(world, ENDPOINT)
    version = next_version(world, service)
    region = world.region()
    region.of(Endpoints).bad_configs[f"{ENDPOINT}-v{version}"] = Trouble(NO_CAPACITY, after_s=3 * 3600)
    # MaximumExecutionTimeoutInSeconds of its policy is an hour: 13 minutes are left.
    release(world, service, version, CI, ago_s=47 * 60, guarded=True)


incident(
    Incident(
        name="stuck-update",
        headline="a deployment has been launching instances for 47 minutes; the old config serves well",
        subject=f"endpoint/{ENDPOINT}",
        right="none",
        wrong=("rollback", "weights", "scale", "retrain"),
        play=play,
        speed=1.0,
    )
)
