"""What goes wrong from a moment on: with a config, an endpoint, or what it depends on. Incidents declare it, and the
metrics and the containers' logs follow."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from console.world.traffic.noise import Floats

if TYPE_CHECKING:
    from console.world.traffic.history import Serving
    from console.world.world import Region


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Differences to a good day. Durations are seconds of the modelled service, latencies microseconds, rates shares
    of the requests (0..1)."""

    endpoint: str
    config: str | None = None
    """Only fleets of this config; None: whatever serves."""
    variant: str | None = None
    """Only this variant, or inference component."""
    since: float = -math.inf
    """Epoch seconds."""
    until: float = math.inf
    ramp_s: float = 0.0
    """Comes up over this time."""

    errors: float = 0.0
    """5xx by the container: InvocationModelErrors too."""
    platform_errors: float = 0.0
    """5xx that the container never saw."""
    bad_requests: float = 0.0
    """4xx by the container, because callers send something else."""
    latency_factor: float = 1.0
    """On the container's time alone: it waits longer, and works no more."""
    cost_factor: float = 1.0
    """On the work per request, hence on latency too."""
    dependency_us: float = 0.0
    """Added to each request by something that the model calls."""
    dependency_us_per_host: float = 0.0
    """Added for each instance that calls it: then more of them make it slower."""
    overhead_us: float = 0.0
    """Added outside of the container: OverheadLatency."""
    payload_factor: float = 1.0
    """On the size of requests, hence on OverheadLatency and a little on the work."""
    demand_factor: float = 1.0
    demand_rps: float = 0.0
    """Requests per second that come on top, to the whole endpoint, at any hour alike."""
    swing: float = 0.0
    """Demand goes up and down by this share ..."""
    swing_period_s: float = 1200.0
    """... in this time."""
    memory_per_hour: float = 0.0
    """Percent of memory lost per hour, at the load per instance of a usual day; at 98 the worker is killed and starts
    again."""
    recycled_s: float = math.inf
    """Workers start anew by themselves after this time, and have lost nothing then."""
    cold_models: float = 0.0
    """Requests of a multi-model endpoint whose model is not in memory; fewer with more instances."""
    cold_starts: float = 0.0
    """Requests of a serverless variant that wait for a container."""
    says: str = ""
    """What a container logs when it fails in this way, in place of the usual words; with {stamp} and {pid}."""

    def strength(self, times: Floats, speed: float) -> Floats:
        """0..1 at each moment within [since, until)."""
        found: Floats = times * 0.0 + 1.0
        if self.ramp_s > 0:
            found = ((times - self.since) * speed / self.ramp_s).clip(0.0, 1.0)
        return found

    def concerns(self, serving: Serving) -> bool:
        return self.config in (None, serving.config) and self.variant in (None, serving.variant, serving.component)


class Behaviours:
    """Those of one region, in force and gone by: what was measured stays as it was."""

    def __init__(self, region: Region) -> None:
        self._world = region.world
        self._items: dict[str, list[Behaviour]] = {}
        self._current: dict[str, Behaviour] = {}
        self.version = 0
        """Moves with each change: for caches."""

    def set(self, key: str, behaviour: Behaviour) -> None:
        """In force from now on, or from its own `since`. `key` names it; what had that key before ends now."""
        self.end(key)
        if math.isinf(behaviour.since):
            behaviour = replace(behaviour, since=self._world.now)
        self._current[key] = behaviour
        self._items.setdefault(behaviour.endpoint, []).append(behaviour)
        self.version += 1

    def end(self, key: str) -> None:
        """Over from now on; a key that is not in force is ignored."""
        old = self._current.pop(key, None)
        if old is None:
            return
        items = self._items[old.endpoint]
        ended = replace(old, until=min(old.until, self._world.now))
        items[items.index(old)] = ended
        self.version += 1

    def of(self, endpoint: str) -> tuple[Behaviour, ...]:
        return tuple(self._items.get(endpoint, ()))

    def at(self, endpoint: str, moment: float) -> tuple[Behaviour, ...]:
        return tuple(one for one in self.of(endpoint) if one.since <= moment < one.until)
