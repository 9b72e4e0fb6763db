"""Whether the alarms that guard a deployment see what its users feel: a canary drowns in the old fleet's traffic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from console.kinds.alarm.aim import Aim, aims
from console.kinds.alarm.record import Alarm
from console.kinds.alarm.sight import guards_of
from console.kinds.alarm.words import threshold
from console.kinds.base import Sign
from console.kinds.reading import decode
from console.kinds.vitals.finding import Finding
from console.kinds.vitals.record import Pulse
from console.text import few

if TYPE_CHECKING:
    from console.kinds.endpoint.record import Endpoint
    from console.ledger.snapshot import Snapshot

NEAR = 0.8
"""Of the threshold: nearer than this it may fire yet."""

ERRORS = frozenset({"errors_5xx", "model_errors"})


def guarded(snapshot: Snapshot, e: Endpoint, beat: Pulse, found: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings, the worst of a deployment's errors with what its guards cannot see of it."""
    worst = next((f for f in found if f.about == "errors" and f.sign.rank <= Sign.WARNING.rank), None)
    if worst is None or e.pending is None or not e.detailed:
        return tuple(found)
    if not (names := guards_of(e.policy)):
        blind: tuple[str, str] | None = ("no alarm guards it", "")
    else:
        blind = _blind(list(decode(snapshot, "alarm", Alarm, names)), len(names), snapshot, e, beat)
    if blind is None:
        return tuple(found)
    words, reason = blind
    told = msgspec.structs.replace(
        worst, words=f"{worst.words}; {words}", reasons=(*worst.reasons, *filter(None, [reason]))
    )
    return tuple(told if finding is worst else finding for finding in found)


def _blind(alarms: Sequence[Alarm], many: int, snapshot: Snapshot, e: Endpoint, beat: Pulse) -> tuple[str, str] | None:
    """(words, reason) where every guard is known and none will fire by what is measured now."""
    seen = aims(alarms, snapshot, e, [(one.component, one.variant) for one in beat.components])
    if len(seen) < many or any(alarm.state == "ALARM" for alarm in alarms):
        return None  # math, composites and what was not read may see more than we know
    signs = {(one.variant, one.config, one.component): one for one in (*beat.variants, *beat.fleets, *beat.components)}
    read: list[tuple[float, Aim, float]] = []
    for one in seen:
        if one.field not in ERRORS or not one.above or one.threshold <= 0:
            continue
        value = one.value(signs[one.who]) if one.who in signs else None
        if value is None or value >= NEAR * one.threshold:
            return None
        read.append((value / one.threshold, one, value))
    if not read:
        return "no alarm of it watches errors", ""
    _, one, value = max(read, key=lambda each: each[0])
    both = "" if one.who[1] else " of both fleets together"
    now = f"{few(value)}{one.unit or ' a period'}"
    return (
        f"its alarm cannot see it ({few(value)} of {few(one.threshold).removesuffix('.0')}{one.unit})",
        f"{one.alarm.name}: {threshold(one.alarm)}; now {now}{both}",
    )
