"""How many there should be: target tracking, step adjustments, and what follows from several policies. Pure.

Sources: Application Auto Scaling User Guide (Target tracking, Step scaling, Cooldown periods, Scaling activities). How
target tracking computes its capacities AWS keeps to itself: out in proportion to the metric, in more gradually.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

MARGIN = 0.9
"""Scaling in leaves the metric at most at this share of its target, else the next thing were scaling out."""
MOST_IN = 0.25
"""Share of the capacity that target tracking takes away at once."""
Code = Literal[
    "AutoScalingAnticipatedFlapping",
    "TargetServicePutResourceAsUnscalable",
    "AlreadyAtMaxCapacity",
    "AlreadyAtMinCapacity",
    "AlreadyAtDesiredCapacity",
]


@dataclass(frozen=True, slots=True)
class Wish:
    """What one policy wants because of one alarm."""

    capacity: int
    policy: str
    alarm: str
    tracking: bool = True
    reason: Code | None = None
    """Why it wants nothing."""


@dataclass(frozen=True, slots=True)
class NotScaled:
    code: Code
    bounds: dict[str, int] = field(default_factory=dict)
    """MaxCapacity, MinCapacity, CurrentCapacity as far as they belong to the code."""


def track_out(base: int, ratio: float) -> int:
    """`ratio`: metric by target, measured when `base` served."""
    return max(1, math.ceil(base * ratio - 1e-9))


def track_in(current: int, ratio: float) -> int:
    """At least `current` - 1 if the metric allows it; `current` if one less would soon be one more again."""
    needed = math.ceil(current * ratio / MARGIN - 1e-9)
    return min(current, max(needed, current - max(1, int(current * MOST_IN))))


def step(config: dict[str, Any], base: int, breach: float) -> int | None:
    """Capacity after the adjustment for a metric that is `breach` above its threshold; None where no step fits."""
    for one in config["StepAdjustments"]:
        low = one.get("MetricIntervalLowerBound", -math.inf)
        high = one.get("MetricIntervalUpperBound", math.inf)
        # Above the threshold the lower bound is inclusive, below it the upper bound is.
        inside = low <= breach < high if breach >= 0 else low < breach <= high
        if inside:
            return max(0, _adjusted(config, base, int(one["ScalingAdjustment"])))
    return None


def _adjusted(config: dict[str, Any], base: int, adjustment: int) -> int:
    match config.get("AdjustmentType"):
        case "ExactCapacity":
            return adjustment
        case "PercentChangeInCapacity":
            change = base * adjustment / 100.0
            whole = int(change)  # towards zero, but a change of less than one is one
            if whole == 0 and change:
                whole = 1 if change > 0 else -1
            least = int(config.get("MinAdjustmentMagnitude", 0))
            if abs(whole) < least and adjustment:
                whole = int(math.copysign(least, adjustment))
            return base + whole
        case _:
            return base + adjustment


def aggregate(values: Sequence[float], how: str) -> float:
    match how:
        case "Minimum":
            return min(values)
        case "Maximum":
            return max(values)
        case _:
            return sum(values) / len(values)


def choose(wishes: Iterable[Wish], current: int, *, ready: bool) -> Wish | None:
    """Out if any policy says so, in only if all agree; of several the largest capacity (facts: sagemaker 5.9).
    `ready`: every target tracking policy that scales in finds its metric low. Steps need not wait for that."""
    known = sorted(wishes, key=lambda one: (-one.capacity, one.policy))
    if known and known[0].capacity > current:
        return known[0]
    return next((one for one in known if ready or not one.tracking), None)


def blocked(wish: Wish, current: int, low: int, high: int) -> NotScaled | None:
    """Why a wish, bounded, comes to nothing; None: it does not."""
    if wish.reason:
        if wish.reason == "AutoScalingAnticipatedFlapping" and current <= low:
            return NotScaled("AlreadyAtMinCapacity", {"MinCapacity": low})
        return NotScaled(wish.reason, {"CurrentCapacity": current})
    if max(low, min(high, wish.capacity)) != current:
        return None
    if wish.capacity > current:
        return NotScaled("AlreadyAtMaxCapacity", {"MaxCapacity": high})
    if wish.capacity < current:
        return NotScaled("AlreadyAtMinCapacity", {"MinCapacity": low})
    return NotScaled("AlreadyAtDesiredCapacity", {"CurrentCapacity": current})
