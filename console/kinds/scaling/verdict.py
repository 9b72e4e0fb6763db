"""The one function that says whether a target can still grow, and if not why not; in words, with its reasons. Pure.

What speaks for or against a verb is said beside it: what AWS refuses now (a quota, no capacity) no plan of ours mends,
and a second fleet needs what is not there either (facts/sagemaker.md sections 5.9 and 9.2).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from console.clock import HOUR, MINUTE, Millis, clock_time, duration
from console.kinds.base import Sign, Verdict
from console.kinds.scaling.course import alarm_words, failing_since, last_try, not_scaled, refusal, turns, why_not
from console.kinds.scaling.growth import ACTS, raised_words
from console.kinds.scaling.record import Activity
from console.kinds.scaling.seen import ABOVE, Seen

SCALES_WITHIN = 15 * MINUTE
"""How long load may be above its target before somebody should look: launching takes 5 to 10 minutes."""

LATELY = 30 * MINUTE
"""How long what was refused or not scaled still tells of now, where nothing else does."""

FLAPS_WITHIN, REVERSALS, FLAPPED = HOUR, 3, 20 * MINUTE
"""Capacity that turned round so often in the last hour, the last time this long ago at most, flaps. A day's demand
turns once or twice."""


class Judgement(msgspec.Struct, frozen=True):
    """`code` is for scripts: ok, moving, at_max, fixed, quota, no_capacity, failed, suspended, flapping, stuck, blind,
    missing."""

    code: str
    verdict: Verdict
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()


IN_VAIN = ("scale", "rollback", "retrain")
"""Where AWS gives no more instances: more are asked for in vain, and a roll back needs a whole second fleet."""
RETRAIN = ("retrain",)


def judge(seen: Seen, now: Millis) -> Judgement:
    """Worst first: what keeps it from growing while more is wanted, then what makes it move too much."""
    reasons = tuple(_reasons(seen, now))
    found = (
        _missing(seen)
        or _refused(seen, now)
        or _suspended_out(seen)
        or _at_max(seen, now)
        or _flapping(seen, now)
        or _blind(seen)
        or _raised(seen, now)
        or _stuck(seen, now)
        or _moving(seen, now)
        or _suspended(seen, now)
        or _calm(seen, now)
    )
    verdict = found.verdict
    return msgspec.structs.replace(found, verdict=msgspec.structs.replace(verdict, reasons=verdict.reasons + reasons))


def wants_more(seen: Seen, now: Millis) -> bool:
    """Whether a policy asks for more than there is: by its alarm, else by the load, else by what it was told lately."""
    if any(one.side == "out" for one in seen.sensors):
        return seen.red("out") is not None and not seen.relieved
    if (percent := seen.load.percent) is not None:
        return percent >= 100 * ABOVE
    newest = seen.activities[0] if seen.activities else None
    return newest is not None and now - newest.at <= LATELY and "AlreadyAtMaxCapacity" in _codes(newest)


def _codes(activity: Activity) -> set[str]:
    return {reason.code for reason in activity.not_scaled}


def _said(code: str, sign: Sign, words: str, since: Millis | None = None, *reasons: str, for_: tuple[str, ...] = (),
          against: tuple[str, ...] = ()) -> Judgement:  # fmt: skip
    return Judgement(code, Verdict(sign, words, tuple(filter(None, reasons)), since), for_, against)


def _with(words: str, more: str) -> str:
    return f"{words}, {more}" if more else words


def _missing(seen: Seen) -> Judgement | None:
    if not seen.missing:
        return None
    return _said("missing", Sign.WARNING, f"scales nothing: {seen.missing}", None,
                 "a policy belongs to a variant by its name: register it for the one that serves")  # fmt: skip


# What keeps it from growing.


def _refused(seen: Seen, now: Millis) -> Judgement | None:
    again = tried = last_try(seen.activities)
    if again is not None and again.open:  # what came of the last time holds until this comes to another end
        tried = last_try(seen.activities[seen.activities.index(again) + 1 :])
        if tried is not None and again.status == "InProgress" and refusal(tried.message) == "quota":
            return None  # what a quota forbids is refused at once: this one was accepted
    if again is None or tried is None or not tried.failed:
        return None
    known = any(one.side == "out" for one in seen.sensors)
    if not wants_more(seen, now) and (known or now - tried.at > LATELY):
        return None
    have, wanted = seen.there, again.wanted or 0
    if have is not None and wanted <= have:
        return None
    code, since = refusal(tried.message), failing_since(seen.activities, tried)
    asked = f"asked for {wanted}, kept at {have}" if have is not None else f"asked for {wanted}"
    reason = f"AWS, {clock_time(tried.at, now)}: {tried.message}" if tried.message else ""
    if again is not tried:
        reason = f"{reason}; it tries again since {clock_time(again.at, now)}"
    if code == "quota":
        of = seen.quota.type if seen.quota else seen.type or "instances"
        held, more = seen.quota.held if seen.quota else "", f"ask Service Quotas for more '{of} for endpoint usage'"
        if seen.quota is not None and seen.quota.left:
            words = f"the quota of {of} refused {wanted} at {clock_time(tried.at, now)}, {seen.quota.left} are free now"
            return _said("quota", Sign.WARNING, _with(words, seen.load.more), since, held, reason, more,
                         for_=("scale",), against=RETRAIN)  # fmt: skip
        words = _with(f"cannot grow: the quota of {of} is used up, {asked}", seen.load.more)
        return _said("quota", Sign.WARNING, words, since, held, reason, more, against=IN_VAIN)
    if code == "no_capacity":
        words = _with(f"cannot grow: AWS has no {seen.type or 'instances'} to spare, {asked}", seen.load.more)
        return _said("no_capacity", Sign.WARNING, words, since, reason,
                     "it is tried again and again; keep what serves: a second fleet would not come either",
                     against=IN_VAIN)  # fmt: skip
    return _said("failed", Sign.WARNING, _with(f"scaling out fails, {asked}", seen.load.more), since, reason,
                 against=RETRAIN)  # fmt: skip


def _suspended_out(seen: Seen) -> Judgement | None:
    red = seen.red("out")
    if not seen.target.suspended.scale_out or red is None:
        return None
    words = _with("scale-out is suspended while its policy wants more", seen.load.more)
    return _said("suspended", Sign.WARNING, words, red.since, for_=("unsuspend", "scale"), against=RETRAIN)


def _at_max(seen: Seen, now: Millis) -> Judgement | None:
    t, have = seen.target, seen.there
    if have is None or have < t.max or not wants_more(seen, now):
        return None
    red = seen.red("out")
    more = seen.load.more or "its policy wants more"
    told = next((one for one in seen.activities if "AlreadyAtMaxCapacity" in _codes(one)), None)
    since = red.since if red else told.at if told else None
    if t.min == t.max:
        return _said("fixed", Sign.WARNING, f"fixed at {have} (min = max), {more}", since, _room(seen),
                     for_=("scale",), against=RETRAIN)  # fmt: skip
    return _said("at_max", Sign.WARNING, f"at max {have}/{t.max}, {more}", since, _room(seen), for_=("scale",),
                 against=RETRAIN)  # fmt: skip


def _room(seen: Seen) -> str:
    if seen.quota is None:
        return ""
    left = f"room for {seen.quota.left} more" if seen.quota.left else "no room for more"
    return f"{seen.quota.words}: {left}"


# What moves too much, or not at all.


def _flapping(seen: Seen, now: Millis) -> Judgement | None:
    found = turns(seen.activities, now - FLAPS_WITHIN)
    if len(found) < REVERSALS or now - found[-1] > FLAPPED or seen.target.suspended.scale_in:
        return None
    cooldown = min((p.in_cooldown_s for p in seen.target.policies or ()), default=None)
    waits = f"a scale-in waits {duration(cooldown * 1000)} after the last one" if cooldown is not None else ""
    words = f"flaps: turned round {len(found)} times in {duration(now - found[0])}"
    steps = [str(one.wanted) for one in reversed(seen.activities) if one.moved and one.at >= found[0]]
    return _said("flapping", Sign.WARNING, words, found[0], f"set to {' → '.join(steps[-8:])}", waits,
                 "suspending scale-in keeps what is there until the policies are mended",
                 for_=("suspend",), against=RETRAIN)  # fmt: skip


def _blind(seen: Seen) -> Judgement | None:
    """A policy whose alarm cannot trigger it: no data means no scaling in either direction (facts section 5.9)."""
    if seen.target.suspended.scale_out:
        return None
    for one in seen.sensors:
        if one.side == "out" and one.quiet:
            return _said("blind", Sign.WARNING, f"cannot scale out: its alarm is {one.quiet}", one.since, one.name)
    dark = next((one for one in seen.sensors if one.side == "out" and one.state == "INSUFFICIENT_DATA"), None)
    if dark is not None and seen.load.now:
        return _said("blind", Sign.WARNING, "does not scale: its alarm has no data, though requests come", dark.since,
                     dark.name)  # fmt: skip
    return None


def _raised(seen: Seen, now: Millis) -> Judgement | None:
    """Its maximum was what kept it, and was raised: autoscaling is to look again first."""
    t, have, at = seen.target, seen.there, seen.changed_at
    kept = next((one for one in not_scaled(seen.activities) if one.code == "AlreadyAtMaxCapacity"), None)
    if at is None or now - at >= ACTS or kept is None or kept.max is None or kept.max >= t.max:
        return None
    if have is None or have >= t.max or not wants_more(seen, now) or any(one.open for one in seen.activities):
        return None
    return _said("moving", Sign.MOVING, raised_words(at, now, f"{kept.max}→{t.max}"), at)


def _stuck(seen: Seen, now: Millis) -> Judgement | None:
    """Above its target for longer than launching takes, and nothing moves."""
    red = seen.red("out")
    if red is None or red.since is None or seen.target.suspended.scale_out or any(a.open for a in seen.activities):
        return None
    moved = next((one for one in seen.activities if one.moved), None)
    quiet_since = max(red.since, (moved.ended_at or moved.at) if moved else 0)
    if now - quiet_since <= SCALES_WITHIN:
        return None
    words = f"above its target since {clock_time(red.since, now)} and does not scale"
    if seen.busy:
        return _said("stuck", Sign.WARNING, f"{words}: {seen.busy}", red.since, against=RETRAIN)
    return _said("stuck", Sign.WARNING, _with(words, seen.load.more), red.since, for_=("scale",), against=RETRAIN)


def _moving(seen: Seen, now: Millis) -> Judgement | None:
    under_way = next((one for one in seen.activities if one.open and one.wanted is not None), None)
    have, want = seen.current, under_way.wanted if under_way else seen.desired
    if under_way is not None or (have is not None and want is not None and have != want):
        step = f"{have} → {want}" if have is not None and have != want else f"to {want}"
        since = f" since {clock_time(under_way.at, now)}" if under_way else ""
        word = (
            "scales" if have is None or want is None or have == want else "scales out" if want > have else "scales in"
        )
        held = f", {seen.target.suspended.words} suspended" if seen.target.suspended.words else ""
        return _said("moving", Sign.MOVING, f"{word} {step}{since}{held}", under_way.at if under_way else None)
    red = seen.red("out")
    if red is not None and not seen.target.suspended.scale_out and not seen.relieved:
        since = f" since {clock_time(red.since, now)}" if red.since else ""
        what = f"waits: {seen.busy}" if seen.busy else "is about to scale out"
        return _said("moving", Sign.MOVING, f"above its target{since}, {what}", red.since)
    return None


# What rests.


def _suspended(seen: Seen, now: Millis) -> Judgement | None:
    if not (words := seen.target.suspended.words):
        return None
    held = seen.suspension
    whose = f" since {clock_time(held.at, now)} by {held.by}" if held else ""
    why = f"by lastgood, action {held.action}" if held else "who suspended it is in CloudTrail (RegisterScalableTarget)"
    return _said("suspended", Sign.HELD, f"{words} suspended{whose}", held.at if held else None,
                 f"{why}: {held.reason}" if held and held.reason else why, flapped(seen, now))  # fmt: skip


def flapped(seen: Seen, now: Millis) -> str:
    """That it did before its scale-in was suspended, while activities still tell; else empty."""
    found = turns(seen.activities, now - 6 * HOUR)
    if not seen.target.suspended.scale_in or len(found) < REVERSALS:
        return ""
    return (
        f"it turned round {len(found)} times until {clock_time(found[-1], now)}: have its policies been mended since?"
    )


def _calm(seen: Seen, now: Millis) -> Judgement:
    t, have = seen.target, seen.capacity
    if have is None:
        return _said("ok", Sign.UNKNOWN, "capacity not known yet")
    if not t.min <= have <= t.max:
        return _said("ok", Sign.OK, f"note: {have} is outside of {t.min}–{t.max}: the next scaling moves it there")
    if t.policies is not None and not t.policies:
        by = "its schedule moves it" if t.scheduled else "nothing scales it"
        return _said("ok", Sign.OK, f"note: no policy, {by}")
    if t.min == t.max:
        return _said("fixed", Sign.OK, f"note: fixed at {have} (min = max)")
    if have == t.max:
        return _said("ok", Sign.OK, f"ok, at max {have}/{t.max}, enough")
    tried = last_try(seen.activities)
    if tried is not None and tried.failed and now - tried.at <= 2 * HOUR:
        what = {"quota": "the quota", "no_capacity": "AWS had none to spare"}.get(refusal(tried.message), "it failed")
        return _said("ok", Sign.OK, f"note: {tried.wanted} were not to be had {clock_time(tried.at, now)}: {what}",
                     tried.at, tried.message)  # fmt: skip
    return _said("ok", Sign.OK, "ok")


def _reasons(seen: Seen, now: Millis) -> Iterable[str]:
    """The numbers behind every verdict."""
    t, load = seen.target, seen.load
    if seen.current is not None:
        want = f", {seen.desired} wanted" if seen.desired is not None and seen.desired != seen.current else ""
        yield f"{seen.current} of {t.min}–{t.max} {t.nouns[1]}{want}"
    if load.now is not None:
        against = f", target {load.target:,.0f}" if load.target else ""
        was = f", was {load.was:,.0f}" if load.was else ""
        yield f"{load.now:,.0f} requests a minute per {t.host}{against}{was}"
    if (red := seen.red("out")) is not None:
        yield f"{alarm_words(red.name)} red{f' since {clock_time(red.since, now)}' if red.since else ''}"
    yield from why_not(seen.activities, t, out=wants_more(seen, now))
    if seen.busy:
        yield seen.busy
