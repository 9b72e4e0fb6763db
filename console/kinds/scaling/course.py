"""What scaling activities tell of how capacity went: turns, refusals, why nothing was done, how long it took. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from console.clock import Millis
from console.kinds.scaling.record import Activity, NotScaled, Target

FLAPS_IN = "AutoScalingAnticipatedFlapping"
"""Why a scale-in is left out."""


def refusal(message: str) -> str:
    """quota, no_capacity, or failed: the provider's words stay beside it."""
    if "ResourceLimitExceeded" in message or "account-level service limit" in message:
        return "quota"
    if "InsufficientInstanceCapacity" in message or "nable to provision requested ML compute capacity" in message:
        return "no_capacity"
    return "failed"


_QUOTA = re.compile(r"'(ml\.[\w.-]+) for endpoint usage' is (\d+) Instances, with current utilization of (\d+)")


def quota_told(message: str) -> tuple[str, int, int] | None:
    """(instance type, limit, used) of a refusal: what holds, whatever was read of the quotas before."""
    found = _QUOTA.search(message)
    return (found[1], int(found[2]), int(found[3])) if found else None


def last_try(activities: Iterable[Activity]) -> Activity | None:
    """The newest one that set a capacity, whatever came of it."""
    return next((one for one in activities if one.wanted is not None and not one.not_scaled), None)


def failing_since(activities: Sequence[Activity], tried: Activity) -> Millis:
    """Since when each try has failed."""
    since = tried.at
    for one in activities:
        if one.wanted is None or one.not_scaled or one.at >= since:
            continue
        if not one.failed:
            break
        since = one.at
    return since


def turns(activities: Sequence[Activity], since: Millis) -> list[Millis]:
    """When capacity turned round (out after in, in after out), oldest first."""
    steps = [(one.at, one.wanted) for one in reversed(activities) if one.moved and one.wanted is not None]
    ways = [(at, wanted > before) for (_, before), (at, wanted) in pairwise(steps) if wanted != before]
    return [at for (_, before), (at, way) in pairwise(ways) if way != before and at >= since]


def not_scaled(activities: Iterable[Activity]) -> tuple[NotScaled, ...]:
    """The newest reasons, if nothing was scaled since."""
    for one in activities:
        if one.not_scaled:
            return one.not_scaled
        if one.moved:
            return ()
    return ()


def outdated(reason: NotScaled, t: Target) -> bool:
    """Whether it speaks of a bound that is another one since. A reason is told anew only when it changes."""
    high, low = reason.code == "AlreadyAtMaxCapacity", reason.code == "AlreadyAtMinCapacity"
    return (high and reason.max not in {None, t.max}) or (low and reason.min not in {None, t.min})


def why_not(activities: Iterable[Activity], t: Target, *, out: bool = False) -> tuple[str, ...]:
    """The same in words, as far as it holds. `out`: more is wanted; why there are not less is beside the point."""
    return tuple(
        f"not scaled: {reason.words}"
        for reason in not_scaled(activities)
        if not outdated(reason, t) and not (out and reason.code in {FLAPS_IN, "AlreadyAtMinCapacity"})
    )


def retry_ms(activities: Sequence[Activity]) -> int | None:
    """Median milliseconds between tries that failed one after the other; None with fewer than two."""
    tries = [one for one in activities if one.wanted is not None and not one.not_scaled]
    gaps = sorted(a.at - b.at for a, b in pairwise(tries) if b.failed)
    return gaps[len(gaps) // 2] if gaps else None


def launch_ms(activities: Sequence[Activity]) -> tuple[int, int] | None:
    """(median milliseconds that observed scale-outs took until they served, how many); None without any."""
    steps = [one for one in reversed(activities) if one.wanted is not None and one.moved]
    took = [
        b.ended_at - b.at
        for a, b in pairwise(steps)
        if b.status == "Successful" and b.ended_at and (b.wanted or 0) > (a.wanted or 0)
    ]
    return (sorted(took)[len(took) // 2], len(took)) if took else None


def alarm_words(name: str) -> str:
    """`AlarmHigh` of the 120 characters that target tracking gives its alarms (facts section 5.9); else the name."""
    side = next((side for side in ("AlarmHigh", "AlarmLow") if f"-{side}-" in name), "")
    return side if side and name.startswith("TargetTracking-") else name
