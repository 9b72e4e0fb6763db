"""Statistics of latencies per minute, from the parameters of their distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from console.world.cloudwatch.series import Stats
from console.world.cloudwatch.sketch import BINS, EDGES
from console.world.traffic.noise import Floats, Ints, below, normal, uniform

_REACH = 4.2
"""Standard deviations beyond which bins stay empty."""


class Part(NamedTuple):
    """A share of the requests with a log-normal latency, each (n,): median in the metric's unit, sigma of the log."""

    share: Floats
    median: Floats
    sigma: Floats


def spread(seed: int, ticks: Ints, count: Floats, parts: Sequence[Part], ceiling: float) -> Stats:
    """`count` (n,) samples a minute of a mixture, none above `ceiling`."""
    count = np.round(count)
    mean, low, high = np.zeros_like(count), np.full_like(count, np.inf), np.zeros_like(count)
    reach = np.sqrt(2.0 * np.log(np.maximum(count, 2.0)))
    lucky, unlucky = uniform(seed ^ 0x11, ticks), uniform(seed ^ 0x22, ticks)
    for part in parts:
        mean += part.share * part.median * np.exp(part.sigma**2 / 2.0)
        some = part.share * count >= 0.5
        low = np.where(some, np.minimum(low, part.median * np.exp(-part.sigma * reach * (0.8 + 0.2 * lucky))), low)
        high = np.where(some, np.maximum(high, part.median * np.exp(part.sigma * reach * (0.85 + 0.3 * unlucky))), high)
    mean = np.minimum(mean, ceiling) * (1.0 + 0.25 * normal(seed, ticks) / np.sqrt(np.maximum(count, 4.0)))
    high = np.minimum(np.maximum(high, mean), ceiling)
    low = np.minimum(np.where(np.isfinite(low), low, mean), mean)
    single = count == 1
    low, high = np.where(single, mean, low), np.where(single, mean, high)
    return Stats(count * mean, count, low, high, _bins(count, parts, low, high))


def _bins(count: Floats, parts: Sequence[Part], low: Floats, high: Floats) -> Floats:
    """(n, B) counts, evaluated only where some minute has any."""
    bins = np.zeros((len(count), BINS))
    if not (count > 0).any():
        return bins
    begin = max(0, int(np.searchsorted(EDGES, low.min())) - 1)
    end = min(BINS, int(np.searchsorted(EDGES, high.max())) + 1)
    edges = np.log(np.maximum(EDGES[begin + 1 : end], 1e-3))[None, :]
    upto = np.zeros((len(count), end - begin + 1))
    upto[:, -1] = 1.0
    for part in parts:
        if not (part.share > 0).any():
            continue
        z = (edges - np.log(np.maximum(part.median, 1e-3))[:, None]) / np.maximum(part.sigma, 1e-3)[:, None]
        upto[:, 1:-1] += part.share[:, None] * below(np.clip(z, -_REACH, _REACH))
    bins[:, begin:end] = np.diff(upto, axis=1).clip(0.0) * count[:, None]
    return bins
