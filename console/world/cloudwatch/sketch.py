"""Distributions as counts on one log-spaced grid, whence percentiles of any sum of periods: CloudWatch keeps such
sketches too (its SEH1 with bins of 10 %), so its percentiles are no exact ones either."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

LOWEST, HIGHEST, GROWTH = 10.0, 1e9, 1.06
_INNER = int(np.ceil(np.log(HIGHEST / LOWEST) / np.log(GROWTH))) + 1
EDGES: Floats = np.concatenate(([0.0], LOWEST * GROWTH ** np.arange(_INNER), [np.inf]))
"""Bin i counts values above EDGES[i], up to and with EDGES[i + 1]; all below LOWEST (10 us) are one bin."""
BINS = len(EDGES) - 1


def percentile(bins: Floats, low: Floats, high: Floats, fraction: float) -> Floats:
    """The value below which `fraction` (0..1) of each row lies; rows of `bins` (n, B), `low` and `high` their extremes
    (n,). NaN for rows without data. Within a bin interpolated by the logarithm: good to about 1 %."""
    upto = np.cumsum(bins, axis=1)
    total = upto[:, -1]
    rank = fraction * total
    at = np.minimum((upto < rank[:, None] - 1e-9).sum(axis=1), BINS - 1)
    rows = np.arange(len(bins))
    inside = bins[rows, at]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.clip((rank - (upto[rows, at] - inside)) / inside, 0.0, 1.0)
        bottom = np.maximum(np.where(at == 0, np.minimum(low, LOWEST), EDGES[at]), 1e-9)
        top = np.where(at == BINS - 1, np.maximum(high, HIGHEST), EDGES[at + 1])
        value = np.clip(bottom * (top / bottom) ** part, low, high)
    return np.where(total > 0, value, np.nan)


def trimmed_mean(bins: Floats, low: Floats, high: Floats, begin: float, end: float) -> Floats:
    """Mean of what lies between the fractions `begin` and `end` of each row; NaN where nothing does."""
    upto = np.cumsum(bins, axis=1)
    total = upto[:, -1:]
    kept = np.clip(np.minimum(upto, end * total) - np.maximum(upto - bins, begin * total), 0.0, None)
    inner = np.sqrt(np.maximum(EDGES[1:-1], LOWEST) * np.maximum(EDGES[:-2], LOWEST / GROWTH))
    middle = np.clip(np.append(inner, HIGHEST)[None, :], low[:, None], high[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        mean: Floats = (kept * middle).sum(axis=1) / kept.sum(axis=1)
    return mean
