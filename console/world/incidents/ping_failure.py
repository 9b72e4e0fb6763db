"""A deployment does not pass its health check, for want of GPU memory. The old config serves on; nothing is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.world.identity import CI
from console.world.incidents.registry import Incident, incident
from console.world.incidents.release import next_version, release, service_named
from console.world.sagemaker.course import PING_S, Trouble
from console.world.sagemaker.endpoint_logs import EndpointLogs, Symptom
from console.world.sagemaker.endpoints import Endpoints

if TYPE_CHECKING:
    from console.world.world import World

ENDPOINT = "search-rank"
NOT_PASSED = (
    "The primary container for production variant AllTraffic did not pass the ping health check. "
    "Please check CloudWatch Logs logs for this endpoint."
)
NO_GPU_MEMORY = Symptom(
    """[{stamp}] [{pid}] [ERROR] Exception in worker process
Traceback (most recent call last):
  File "/opt/program/wsgi.py", line 3, in <module>
    from predictor import app
  File "/opt/program/predictor.py", line 22, in <module>
    model = torch.load(PATH).to("cuda")
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.31 GiB. GPU 0 has a total capacity of 21.98 GiB
[{stamp}] [1] [ERROR] Worker (pid:{pid}) exited with code 3
[{stamp}] [1] [ERROR] Reason: Worker failed to boot.""",
    at_start=True,
)


def play(world: World) -> None:
    region, service = world.region(), service_named(world, ENDPOINT)
    version = next_version(world, service)
    bad = f"{ENDPOINT}-v{version}"
    region.of(Endpoints).bad_configs[bad] = Trouble(NOT_PASSED)
    region.of(EndpointLogs).symptoms[bad] = NO_GPU_MEMORY
    # Given up after 24 minutes, taken down in another: InService on the old config half a minute from now.
    release(world, service, version, CI, ago_s=PING_S + 30, guarded=True)


incident(
    Incident(
        name="ping-failure",
        headline="a deployment does not pass its health check; the old config serves on",
        subject=f"endpoint/{ENDPOINT}",
        right="none",
        wrong=("rollback", "retrain", "scale"),
        play=play,
    )
)
