"""What is asked for about capacity: numbers that can be meant, or what the load proposes; and what comes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from console.errors import Refused, UsageError
from console.kinds.capacity.looking import Ground, Subject
from console.kinds.capacity.need import needed
from console.kinds.capacity.preflight import Effect
from console.kinds.scaling.record import Target

MOST = 10_000


class Wish(NamedTuple):
    """What was asked for, without what is so already."""

    min: int | None = None
    max: int | None = None
    desired: int | None = None

    @property
    def bounds(self) -> bool:
        return self.min is not None or self.max is not None


def wished(args: Mapping[str, Any]) -> Wish:
    """Raises UsageError for numbers that cannot be meant."""
    wish = Wish(*(None if args.get(name) in (None, "") else int(args[name]) for name in Wish._fields))
    for name, value in wish._asdict().items():
        if value is not None and not 0 <= value <= MOST:
            raise UsageError(f"--{name} {value}", advice=f"a number from 0 to {MOST:,}")
    if wish.min is not None and wish.max is not None and wish.min > wish.max:
        raise UsageError(f"--min {wish.min} is above --max {wish.max}", advice="the minimum comes first")
    return wish


def new(given: Wish, s: Subject) -> Wish:
    """Without what is so already: a form gives both bounds. Raises Refused and UsageError."""
    t = s.target
    if t is None:
        if given.desired is None:
            raise Refused(f"{s.name} is not autoscaled: it has no bounds", advice="--desired N sets its capacity")
        wish = Wish(desired=given.desired)
    else:
        low = given.min if given.min != t.min else None
        high = given.max if given.max != t.max else None
        wish = Wish(low, high, given.desired)
        if wish.bounds and wish.desired is not None:
            advice = "--min moves capacity there and keeps it; --desired goes alone"
            raise UsageError("bounds and --desired are two actions", advice=advice)
        _fits(t, wish)
    if wish == Wish() or (wish.desired is not None and wish.desired == s.desired):
        raise Refused(f"{s.name} has that already: {now_words(s)}", advice="name another number")
    return wish


def _fits(t: Target, wish: Wish) -> None:
    low, high = bounds_of(t, wish)
    if low > high:
        raise UsageError(f"min {low} would be above max {high}", advice=f"it is {t.min}–{t.max} now: give both")
    if wish.desired is not None and not t.min <= wish.desired <= t.max:
        side = f"--max {wish.desired}" if wish.desired > t.max else f"--min {wish.desired}"
        advice = f"autoscaling would take it back; {side} first"
        raise Refused(f"{wish.desired} is outside of {t.min}–{t.max}", advice=advice)


def bounds_of(t: Target, wish: Wish) -> tuple[int, int]:
    return (t.min if wish.min is None else wish.min, t.max if wish.max is None else wish.max)


def proposed(s: Subject, g: Ground) -> tuple[Wish, str]:
    """What the load asks for, and why so much: a higher maximum where that is what keeps it, else a higher minimum, as
    it survives. Raises Refused while the numbers are of before."""
    if g.waits:
        advice = "numbers of your own can be planned: min, max or desired"
        raise Refused(f"{s.name}: {g.waits}; nothing is proposed before", advice=advice)
    have = s.desired or 0
    wanted = needed(have, g)
    there = g.seen.there or have
    gave_up = s.component.reason if s.component is not None else ""
    if there < have and (gave_up or wanted.enough <= have):
        advice = "numbers of your own can be planned: min, max or desired"
        raise Refused(
            f"{s.name}: {have} are asked for and {there} serve; {gave_up or 'the load needs no more'}", advice=advice
        )
    need, why, quota = max(have + 1, wanted.hosts), wanted.words, g.seen.quota
    if quota is not None and quota.left and need > have + quota.left:
        need = have + quota.left
        why += f"; the quota allows {need}"
    t = s.target
    if t is None:
        return Wish(desired=need), why
    if have >= t.max:
        return Wish(max=max(need, t.max + 1)), why
    if need > t.max:
        why += f"; its maximum is {t.max}"
    return Wish(min=min(max(need, t.min + 1), t.max)), why


def effect_of(s: Subject, wish: Wish) -> Effect:
    have = s.desired or 0
    if not wish.bounds:
        return Effect(have, have if wish.desired is None else wish.desired)
    low, high = bounds_of(s.stated, wish)
    return Effect(have, max(low, min(high, have)), low, high)


def now_words(s: Subject) -> str:
    bounds = f" of {s.target.min}–{s.target.max}" if s.target else ""
    want = f", {s.desired} wanted" if s.desired != s.current else ""
    return f"{s.current}{bounds} {s.nouns[s.current != 1]}{want}"
