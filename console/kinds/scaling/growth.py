"""Capacity that grew, or is about to, while the metrics still tell of before: nobody should scale by these again.

CloudWatch's minutes come late and are judged SPAN together, so that load per host falls minutes after hosts came.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from console.clock import MINUTE, Millis, clock_time, duration
from console.kinds.scaling.around import VariantSeen
from console.kinds.scaling.record import Activity, Target, of_variant, short_name
from console.kinds.vitals.beat import SPAN
from console.kinds.vitals.queue import queue
from console.kinds.vitals.record import Pulse

if TYPE_CHECKING:
    from console.kinds.scaling.view import ScalingView
    from console.ledger.snapshot import Snapshot

LATE = (SPAN + 3) * MINUTE
"""From new hosts until the judged minutes are all theirs: the window, and what CloudWatch takes to tell of it."""

MOST = 0.97
"""Of the hosts there are: from so many on the judged minutes are theirs."""

ACTS = 5 * MINUTE
"""Autoscaling acts on new bounds at its alarm's next look, which is within a minute or two."""


class Count(NamedTuple):
    """Capacity as it was seen at a moment."""

    at: Millis
    have: int
    wanted: int


class EndpointThen(msgspec.Struct, frozen=True, gc=False):
    """What of a version of an endpoint its growth is told from."""

    status: str
    config: str = ""
    created_at: Millis | None = None
    modified_at: Millis | None = None
    variants: tuple[VariantSeen, ...] = ()


def bearing(beat: Pulse | None, variant: str, component: str = "") -> float | None:
    """How many hosts (copies of the component) the requests of the judged minutes were borne by, on average."""
    one = beat.signs_of(variant, component) if beat else None
    if one is None or not one.invocations_per_instance or one.invocations_per_min is None:
        return None
    return one.invocations_per_min / one.invocations_per_instance


def waits(
    snapshot: Snapshot, endpoint: str, variant: str, beat: Pulse | None, activities: Sequence[Activity] = ()
) -> str:
    """What to wait for before anybody scales it out (again), or empty. `variant` empty: of any one."""
    facts = [fact for fact in snapshot.history("endpoint", endpoint, limit=60) if not fact.deleted]
    decode = msgspec.json.Decoder(EndpointThen).decode
    seen = [(fact.observed_at, decode(fact.body)) for fact in facts]
    names = [variant] if variant else [one.name for one in seen[-1][1].variants] if seen else []
    for name in names:
        targets = _targets(snapshot, of_variant(endpoint, name))
        words = grown(_counts(seen, name), activities, snapshot.moment, bearing(beat, name))
        words = words or raised(targets, snapshot.moment)
        if words := words or _drains(beat, name, snapshot.moment):
            return words
    return ""


def copies_wait(
    snapshot: Snapshot,
    component: str,
    have: int | None,
    wanted: int | None,
    beat: Pulse | None,
    activities: Sequence[Activity] = (),
) -> str:
    """The same of an inference component, whose copies are no facts of their endpoint: from what it has and wants now,
    its activities, and the copies that its metrics are of."""
    now, borne = snapshot.moment, bearing(beat, "", component)
    began = next((one.at for one in activities if one.open), now)
    counts = [Count(began, have, have if wanted is None else wanted)] if have is not None else []
    words = grown(counts, activities, now, borne) or raised(_targets(snapshot, f"inference-component/{component}"), now)
    if words or activities or not have or borne is None or borne >= MOST * have:
        return words
    # Not autoscaled: nothing keeps when its copies came.
    return f"{have} copies serve and its metrics are of {borne:.0f}: wait for newer ones"


def scale_waits(view: ScalingView, snapshot: Snapshot, beat: Pulse | None) -> str:
    """The same of a scalable target, whatever it scales."""
    t = view.target
    if t.component:
        return copies_wait(snapshot, t.component, view.current, view.desired, beat, view.activities)
    return waits(snapshot, t.endpoint, t.variant, beat, view.activities) if t.endpoint else ""


def _drains(beat: Pulse | None, variant: str, now: Millis) -> str:
    one = beat.signs_of(variant) if beat else None
    waiting = queue(one) if one else None
    return waiting.shrinks_words(now) if waiting else ""


def _counts(seen: Iterable[tuple[Millis, EndpointThen]], variant: str) -> list[Count]:
    """Oldest first. What was seen late happened when SageMaker modified the endpoint."""
    found: list[Count] = []
    before: Millis = 0
    for at, then in seen:
        one = next((v for v in then.variants if v.name == variant), None)
        if one is not None and one.instances is not None:
            when = then.modified_at if then.modified_at and before < then.modified_at <= at else at
            found.append(Count(when, one.instances, one.desired_instances or one.instances))
        before = at
    return found


def _targets(snapshot: Snapshot, resource: str) -> list[tuple[Millis, Target]]:
    decode = msgspec.json.Decoder(Target).decode
    facts = snapshot.history("scaling", short_name(resource), limit=20)
    return [(fact.observed_at, decode(fact.body)) for fact in facts if not fact.deleted]


def grown(counts: Sequence[Count], activities: Sequence[Activity], now: Millis, bearing: float | None = None) -> str:
    """`counts` oldest first, `activities` newest first. A try that failed brings nothing. `bearing`: hosts
    of the judged minutes; where these are all that there are now the metrics have come."""
    ended = next((one for one in activities if one.wanted is not None and not one.open), None)
    failed = ended is not None and ended.failed
    last = counts[-1] if counts else None
    if last is not None and last.wanted > last.have and not failed:
        first = last
        for one in reversed(counts):
            if (one.have, one.wanted) != (last.have, last.wanted):
                break
            first = one
        step = f"{last.have}→{last.wanted}"
        return f"it scales {step} since {clock_time(first.at, now)}: wait for that, then for its metrics"
    steps = [(a.have, b.have, b.at) for a, b in pairwise(counts) if b.have != a.have]
    steps = steps or _steps(activities)
    late = [step for step in steps if now - step[2] < LATE]
    if not late or late[-1][1] <= late[0][0] or (bearing is not None and bearing >= MOST * late[-1][1]):
        return ""
    at = late[-1][2]
    return (
        f"scaled {late[0][0]}→{late[-1][1]} at {clock_time(at, now)}, wait for its metrics"
        f" (~{clock_time(at + LATE, now)})"
    )


def _steps(activities: Sequence[Activity]) -> list[tuple[int, int, Millis]]:
    """(from, to, when it served) of those that came, oldest first: what a console with an empty ledger knows."""
    moved = [one for one in reversed(activities) if one.moved and one.wanted is not None and one.ended_at]
    return [
        (a.wanted, b.wanted, b.ended_at)
        for a, b in pairwise(moved)
        if a.wanted is not None and b.wanted is not None and b.ended_at is not None and a.wanted != b.wanted
    ]


def raised(targets: Sequence[tuple[Millis, Target]], now: Millis) -> str:
    """A maximum that was raised so lately that autoscaling has not looked again; versions oldest first."""
    for (_, before), (at, then) in reversed(list(pairwise(targets))):
        if now - at >= ACTS:
            break
        if then.max > before.max:
            return raised_words(at, now, f"{before.max}→{then.max}")
    return ""


def raised_words(at: Millis, now: Millis, step: str) -> str:
    ago = "just now" if now - at < 1000 else f"{duration(now - at)} ago"
    return f"max raised {step} {ago}, autoscaling has not acted yet"
