"""How hard an endpoint works at a moment: for incidents, which must bite at any hour of the day."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from console.world.traffic import demand
from console.world.traffic.history import Histories, Serving
from console.world.traffic.simulation import machine_of

if TYPE_CHECKING:
    from console.world.traffic.demand import Workload
    from console.world.world import Region


def rps_at(region: Region, endpoint: str, moment: float) -> float:
    """Requests per second that callers send around `moment` (epoch seconds) on a good day; 0 where nobody calls."""
    history = region.of(Histories).find(endpoint)
    return float(demand.rate(history.workload, np.array([moment]))[0]) if history else 0.0


def capacity_rps(work: Workload, serving: Serving) -> float:
    """Requests per second with which all the serving's instances (copies) are busy."""
    one = machine_of(serving)
    # What comes from a queue is worked on one by one, and takes as long as it takes.
    each_s = work.latency_us / 1e6 if serving.flavour == "async" else work.cost_s
    return (one.gpus or one.vcpus) * max(1, serving.instances) / each_s


def factor_for(region: Region, endpoint: str, variant: str, busy: float) -> float:
    """The `demand_factor` that makes a variant of it as busy as `busy` (1.0: all its instances can do) right now.
    Raises KeyError if it does not serve."""
    able, asked = _load(region, endpoint, variant)
    return busy * able / max(1e-9, asked)


def extra_for(region: Region, endpoint: str, variant: str, busy: float, *, on: int = 0) -> float:
    """The `demand_rps` that does the same, and goes on doing so when the hour's own demand changes: at night nearly all
    of it is extra. `on`: as many instances in place of those that serve. Raises KeyError if the variant does not."""
    able, asked = _load(region, endpoint, variant, on)
    return max(0.0, busy * able - asked)


def _load(region: Region, endpoint: str, variant: str, on: int = 0) -> tuple[float, float]:
    """Requests per second that the variant could bear and that it gets now, both as if all went to it."""
    now = region.world.now
    history = region.of(Histories).find(endpoint)
    servings = [one for one in history.at(now) if one.variant == variant and one.share > 0] if history else []
    if history is None or not servings:
        raise KeyError(f"{endpoint}/{variant}")
    share = sum(one.share for one in servings)
    able = sum(capacity_rps(history.workload, replace(one, instances=on or one.instances)) for one in servings)
    return able / share, rps_at(region, endpoint, now)
