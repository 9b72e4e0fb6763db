"""Who calls an endpoint how often, and what one request costs: seeded per endpoint, believable for its fleet.

Requests follow the hours where the callers live (Central Europe unless said) and the week, grow slowly, and vary from
minute to minute.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Literal

import numpy as np

from console.world.traffic.machines import Machine
from console.world.traffic.noise import Floats, Ints, normal, seed_of

Rhythm = Literal["shoppers", "office", "machines"]
DAY_S = 86400.0
MONTH_S = 30 * DAY_S
_MONDAY = 4 * DAY_S
"""The first Monday of the epoch: 5 January 1970."""
# Share of the busiest hour at each local hour, and of a working day on Saturday and Sunday.
_HOURS: dict[Rhythm, tuple[float, ...]] = {
    "shoppers": (
        *(0.26, 0.18, 0.14, 0.12, 0.13, 0.18, 0.30, 0.46, 0.60, 0.70, 0.76, 0.80),
        *(0.84, 0.82, 0.78, 0.76, 0.78, 0.84, 0.92, 1.00, 0.98, 0.86, 0.64, 0.42),
    ),
    "office": (
        *(0.08, 0.07, 0.06, 0.06, 0.08, 0.14, 0.30, 0.58, 0.84, 0.96, 1.00, 0.98),
        *(0.82, 0.88, 0.98, 0.96, 0.88, 0.70, 0.46, 0.30, 0.22, 0.16, 0.12, 0.10),
    ),
    "machines": (
        0.86,
        0.84,
        0.82,
        0.82,
        0.84,
        0.88,
        0.92,
        0.96,
        1.0,
        1.0,
        1.0,
        1.0,
        *(0.98,) * 8,
        0.94,
        0.92,
        0.9,
        0.88,
    ),
}
_WEEKEND: dict[Rhythm, tuple[float, float]] = {
    "shoppers": (1.12, 1.06),
    "office": (0.34, 0.24),
    "machines": (0.96, 0.94),
}


@dataclass(frozen=True, slots=True)
class Workload:
    """What one endpoint's callers ask, and what its model needs for one request. Latencies in microseconds."""

    seed: int = 0
    peak_rps: float = 0.0
    """Requests per second in the busiest hour of a working day."""
    rhythm: Rhythm = "office"
    growth: float = 0.0
    """Share added in 30 days."""
    reference: float = 0.0
    """Epoch seconds: when `peak_rps` is true."""
    cost_s: float = 0.005
    """vCPU seconds (GPU seconds on a GPU instance) of one request."""
    latency_us: float = 12_000.0
    """The container's median on an idle machine."""
    sigma: float = 0.35
    """Of the logarithm of the container's latency."""
    overhead_us: float = 4_000.0
    bad_requests: float = 0.001
    """Share of requests that are answered 4xx on a good day."""
    errors: float = 1e-5
    """Share of requests that are answered 5xx on a good day."""
    memory: float = 40.0
    """Percent, at rest."""
    disk: float = 20.0
    hosts: int = 1
    """Instances that the workload was made for."""
    models: int = 0
    """Behind a multi-model endpoint."""
    zone_s: float = 3600.0
    """Of the callers' clocks ahead of UTC."""


SILENT = Workload()
"""Nobody calls."""


def workload(seed: int, name: str, one: Machine, hosts: int, now: float, *, flavour: str = "instances") -> Workload:
    """For `hosts` such machines at 45 to 60 % of what they can do in the busiest hour; 40 to 2,000 requests a second
    for those that answer at once, single ones for serverless and asynchronous endpoints."""
    chance = random.Random(f"{seed}/{name}/workload")
    power = (one.gpus or one.vcpus) * max(1, hosts)
    busy = chance.uniform(0.45, 0.60)
    rhythm: Rhythm = chance.choice(("shoppers", "shoppers", "office", "machines"))
    peak_rps = math.exp(chance.uniform(math.log(60), math.log(1800)))
    cost_s = min(0.030, max(0.0015, busy * power / peak_rps))
    if flavour == "serverless":
        peak_rps, cost_s, rhythm = chance.uniform(3, 9), 0.045, "office"
    elif flavour == "async":
        cost_s, rhythm = chance.uniform(11, 18), "office"  # a document takes its time
        peak_rps = busy * max(1, hosts) / cost_s
    else:
        peak_rps = min(2000.0, busy * power / cost_s)
    return Workload(
        seed=seed_of(seed, name),
        peak_rps=peak_rps,
        rhythm=rhythm,
        growth=chance.uniform(-0.01, 0.06),
        reference=now,
        cost_s=cost_s,
        latency_us=1e6 * cost_s * chance.uniform(1.1, 1.6) + 2500.0,
        sigma=chance.uniform(0.28, 0.42),
        overhead_us=chance.uniform(2500.0, 7000.0),
        bad_requests=chance.uniform(0.0004, 0.002),
        errors=min(3e-4, chance.uniform(0.5, 2.0) / (60.0 * peak_rps)),  # one or two a minute
        memory=chance.uniform(34.0, 58.0),
        disk=chance.uniform(12.0, 38.0),
        hosts=max(1, hosts),
        models=chance.randint(24, 60) if flavour == "multi-model" else 0,
    )


def rate(work: Workload, times: Floats) -> Floats:
    """Requests per second around each moment (epoch seconds), without the noise of single minutes."""
    local = times + work.zone_s
    hour = (local % DAY_S) / 3600.0
    hours = np.array(_HOURS[work.rhythm])
    daily = np.interp(hour, np.arange(25), np.append(hours, hours[0]))
    day = ((local - _MONDAY) % (7 * DAY_S)) / DAY_S
    saturday, sunday = _WEEKEND[work.rhythm]
    weekly = np.where(day >= 6, sunday, np.where(day >= 5, saturday, 1.0))
    growth = np.clip(1.0 + work.growth * (times - work.reference) / MONTH_S, 0.2, 5.0)
    hourly = 1.0 + 0.04 * normal(work.seed ^ 0x77, (times // 3600).astype(np.int64))
    slow: Floats = work.peak_rps * daily * weekly * growth * np.maximum(hourly, 0.5)
    return slow


def minutes(work: Workload, ticks: Ints, rates: Floats) -> Floats:
    """Requests per second of each minute (`ticks`: epoch minutes), with the minute's own noise."""
    calm = rates * (1.0 + 0.025 * normal(work.seed, ticks))
    crowd = np.sqrt(np.maximum(rates, 0.0) / 60.0) * normal(work.seed ^ 0x1234, ticks)
    found: Floats = np.maximum(calm + crowd, 0.0)
    return found
