"""What incidents in live traffic share: something goes wrong with an endpoint, and has done so for a while."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from console.world.cloudwatch.alarms import CATCH_UP_S, Alarm, Alarms
from console.world.cloudwatch.watching import queries_of
from console.world.traffic.behaviour import Behaviour, Behaviours

if TYPE_CHECKING:
    from console.world.world import World

LIVE_S = 13 * 60.0
"""Wall seconds that a trouble has gone on when its incident begins: metrics come in minutes of the wall clock, one to
two and a half late, and ten whole ones shall tell it."""
SCALED_S = 28 * 60.0
"""The same where Auto Scaling has answered it: its alarms take six minutes, instances another five."""


def trouble(world: World, name: str, behaviour: Behaviour, *, ago_s: float = LIVE_S, lasts_s: float = math.inf) -> None:
    """In force since `ago_s` wall seconds, and for another `lasts_s` modelled ones, until those whose fault it is have
    mended it. `name`: the incident's; played again it begins anew. The endpoint's alarms have seen it."""
    since, until = world.now - ago_s, world.now + world.clock.real(lasts_s)
    world.region().of(Behaviours).set(f"incident/{name}", replace(behaviour, since=since, until=until))
    alarms = world.region().of(Alarms)
    for alarm in [one for one in alarms if _watches(one, behaviour.endpoint)]:
        alarms.look_back(alarm.name, max(since, world.now - CATCH_UP_S + 60.0))


def _watches(alarm: Alarm, endpoint: str) -> bool:
    if alarm.type != "MetricAlarm":
        return False
    metrics = (query["MetricStat"]["Metric"] for query in queries_of(alarm.request) if "MetricStat" in query)
    return any({"Name": "EndpointName", "Value": endpoint} in one.get("Dimensions", ()) for one in metrics)
