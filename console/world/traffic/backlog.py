"""The queue of an asynchronous endpoint: what comes in, what its instances get done, what waits. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from console.world.traffic.noise import Floats
from console.world.traffic.simulation import Minutes, Simulated, Who

QUEUE: Who = ("", "", "")
"""The queue itself, which is the endpoint's and no fleet's."""
EXPIRES_S = 6 * 3600.0
"""A request that waited this long is dropped (InvocationTimeoutSeconds' ceiling is an hour of work, six of waiting)."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Per minute, each (n,)."""

    size: Floats
    """Requests that wait or are being processed at the end of the minute."""
    done: Floats
    """Processed in the minute."""
    age_s: Floats
    """Of the oldest that waits."""
    expired: Floats


def backlog(arrivals: Floats, capacity: Floats) -> Backlog:
    """From an empty queue on (n,): hand in a day more than is asked for. A queue with a fluid's arithmetic: what does
    not fit into a minute's capacity waits for the next."""
    net = np.cumsum(arrivals - capacity)
    floor = np.minimum(np.minimum.accumulate(net), 0.0)
    size = np.floor(np.maximum(net - floor, 0.0))
    came = np.cumsum(arrivals)
    left = came - size
    done = np.maximum(np.diff(left, prepend=0.0), 0.0)
    # The oldest that waits came when as many had come as have left by now.
    minutes = np.arange(len(arrivals), dtype=np.float64)
    oldest = np.interp(left, came, minutes, left=0.0) if len(came) else minutes
    age_s = np.where(size > 0, np.maximum(minutes - oldest, 0.0) * 60.0 + 20.0, 0.0)
    expired = np.where(age_s > EXPIRES_S, np.minimum(size, arrivals), 0.0)
    return Backlog(size, done, np.minimum(age_s, EXPIRES_S), expired)


def queued(simulated: Simulated) -> Simulated:
    """An asynchronous endpoint's fleets with what they get done in place of what comes in, and its QUEUE."""
    fleets = list(simulated.values())
    arrivals = np.sum([one.of["requests"] for one in fleets], axis=0)
    capacity = np.sum([one.of["capacity"] for one in fleets], axis=0)
    queue = backlog(arrivals, capacity)
    for one in fleets:
        one.queued(queue.done, arrivals, capacity, queue.age_s, queue.expired)
    hosts = np.sum([one.hosts for one in fleets], axis=0)
    whole = Minutes(fleets[0].ticks, fleets[0].serving)
    whole.covered = np.max([one.covered for one in fleets], axis=0)
    whole.of = {
        "backlog": queue.size,
        "backlog_each": queue.size / np.maximum(hosts, 1.0),
        "age_s": queue.age_s,
        "stranded": ((queue.size > 0) & (hosts == 0)).astype(np.float64),
    }
    return simulated | {QUEUE: whole}
