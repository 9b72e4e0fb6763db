"""A canary fails one request in thirty: too few of all the traffic for the alarm that guards it, which is on both
fleets. When the bake ends everybody gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.world.cloudwatch.alarms import Alarms
from console.world.identity import CI
from console.world.incidents.registry import Incident, incident
from console.world.incidents.release import next_version, release, service_named
from console.world.sagemaker.endpoint_logs import EndpointLogs, Symptom

if TYPE_CHECKING:
    from console.world.world import World

ENDPOINT = "delay-risk"
BAKE_S = 30 * 60
AGO_S = 11 * 60.0
"""Its first instances take three minutes: the canary has had traffic for eight, and 22 are left."""
GUARD = 0.05
"""Share of failing requests that the alarm takes: a third of the traffic with a thirtieth of errors is a ninetieth."""
UNSEEN = Symptom(
    """[{stamp}] [{pid}] [ERROR] Exception on /invocations [POST]
Traceback (most recent call last):
  File "/opt/program/serve.py", line 90, in invocations
    codes = encode(frame["carrier"])
  File "/opt/program/features.py", line 63, in encode
    return encoder.transform(carrier)
ValueError: Found unknown categories ['9K'] in column 0 during transform""",
    share=1 / 30,
)


def play(world: World) -> None:
    region, service = world.region(), service_named(world, ENDPOINT)
    version = next_version(world, service)
    # As its owners made it, long ago: the ratio of errors over all that the variant answers, whichever fleet does.
    guard = region.of(Alarms).get(f"{ENDPOINT}-5xx")
    guard.request = guard.request | {"Statistic": "Average", "Threshold": GUARD}
    region.of(EndpointLogs).symptoms[f"{ENDPOINT}-v{version}"] = UNSEEN
    release(world, service, version, CI, ago_s=AGO_S, guarded=True, bake_s=BAKE_S)


incident(
    Incident(
        name="bad-canary",
        headline="a canary fails one request in thirty, and the alarm that guards it cannot see that",
        subject=f"endpoint/{ENDPOINT}",
        right="rollback",
        wrong=("retrain", "scale", "weights"),
        play=play,
        speed=1.0,
    )
)
