"""What stands on the time axis of an endpoint's plots: deployments, alarms and scaling, as the ledger knows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from console.clock import MINUTE, Millis
from console.fleet.timeline import by_whom
from console.kinds.alarm.record import Alarm
from console.kinds.base import Sign
from console.kinds.deployment.record import Outcome
from console.kinds.endpoint.record import Endpoint, short
from console.kinds.endpoint.view import EndpointView
from console.kinds.vitals.spans import Window

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot

_alarm = msgspec.json.Decoder(Alarm).decode
_endpoint = msgspec.json.Decoder(Endpoint).decode
_SAME = 5 * MINUTE
"""So much later a sweep may see what Application Auto Scaling did."""

RED, GREEN, OUT, IN, NOT = "!", "○", "+", "-", "✖"
"""An alarm came to ALARM, or went back to OK; instances came, went, or could not come."""


class Mark(NamedTuple):
    """`glyph` tells what it is without colour. `line`: it divides the plots into before and after."""

    at: Millis
    glyph: str
    sign: Sign
    words: str
    line: bool = False


def marks(snapshot: Snapshot, view: EndpointView, window: Window) -> tuple[Mark, ...]:
    """Those within the window, oldest first."""
    found = [*_deployments(view), *_alarms(snapshot, view, window), *_scaling(view), *_asked(snapshot, view, window)]
    return tuple(sorted(mark for mark in found if window.start <= mark.at <= max(window.end, snapshot.moment)))


_ENDS = {
    Outcome.SUCCEEDED: (Sign.OK, "{} took over"),
    Outcome.FAILED: (Sign.WARNING, "{} failed"),
    Outcome.ROLLED_BACK: (Sign.WARNING, "{} was rolled back"),
}


def _deployments(view: EndpointView) -> Iterator[Mark]:
    for d in view.deployments:
        target = short(d.target, view.name)
        if d.started_at:
            by = f" by {by_whom(d.by, d.actor)}" if d.by or d.actor else ""
            yield Mark(d.started_at, Sign.MOVING.glyph, Sign.MOVING, f"deploy {target}{by}", line=True)
        if d.ended_at and d.outcome in _ENDS:
            sign, words = _ENDS[d.outcome]
            glyph = sign.glyph if sign is Sign.OK else Sign.CRITICAL.glyph
            yield Mark(d.ended_at, glyph, sign, words.format(target), line=True)


def _alarms(snapshot: Snapshot, view: EndpointView, window: Window) -> Iterator[Mark]:
    """Changes of state as the ledger saw them; a scaling policy's sensors are told by what they scale."""
    for one in view.alarms or ():
        if one.alarm.scaling:
            continue
        seen = [
            _alarm(fact.body) for fact in snapshot.history("alarm", one.name, since=window.start) if not fact.deleted
        ]
        states = dict.fromkeys((a.since, a.state) for a in (*seen, one.alarm) if a.since)
        for since, state in states:
            if since is not None and state == "ALARM":
                yield Mark(since, RED, Sign.CRITICAL, f"{one.name} in ALARM")
            elif since is not None and state == "OK" and len(states) > 1:
                yield Mark(since, GREEN, Sign.OK, f"{one.name} OK again")


def _scaling(view: EndpointView) -> Iterator[Mark]:
    """What Application Auto Scaling did, and what it could not do."""
    for target in view.scaling:
        whose = f"{target.name.rpartition('/')[2]}: " if len(view.scaling) > 1 else ""
        before: int | None = None
        for one in reversed(target.activities):
            if one.failed:
                wanted = f" to {one.wanted}" if one.wanted is not None else ""
                yield Mark(one.at, NOT, Sign.WARNING, f"{whose}could not scale{wanted}: {one.message or one.status}")
            elif one.moved and one.wanted is not None:
                less = before is not None and one.wanted < before
                yield Mark(one.at, IN if less else OUT, Sign.MOVING, f"{whose}scaled to {one.wanted}")
                before = one.wanted


def _asked(snapshot: Snapshot, view: EndpointView, window: Window) -> Iterator[Mark]:
    """Instances that somebody else than Application Auto Scaling asked for, as DescribeEndpoint told them."""
    told = [(v.target.variant, one.wanted, one.at) for v in view.scaling for one in v.activities]
    known = snapshot.ledger.as_of(snapshot.scope, "endpoint", window.start, [view.name])
    facts = [*known, *snapshot.history("endpoint", view.name, since=window.start)]
    config, before = "", dict[str, int]()
    for fact in facts:
        if fact.deleted:
            continue
        e = _endpoint(fact.body)
        if e.config != config:
            config, before = e.config, {}
        for one in e.variants:
            wanted, was = one.desired_instances, before.get(one.name)
            if wanted is None:
                continue
            before[one.name] = wanted
            scaled = any(t[:2] == (one.name, wanted) and 0 <= fact.observed_at - t[2] <= _SAME for t in told)
            if was not in (None, wanted) and not scaled:
                whose = f"{one.name}: " if len(e.variants) > 1 else ""
                glyph = OUT if was is None or wanted > was else IN
                yield Mark(fact.observed_at, glyph, Sign.MOVING, f"{whose}{was} → {wanted} instances asked for")
