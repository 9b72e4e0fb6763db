"""The past of one endpoint as the ledger has it: minutes of vital signs, and how many instances there were when."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from console.clock import Millis
from console.kinds.endpoint.record import Endpoint
from console.kinds.vitals.course import INSTANCES, Course, from_minutes
from console.kinds.vitals.record import Vitals
from console.kinds.vitals.spans import Window

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot

_vitals = msgspec.json.Decoder(Vitals).decode
_endpoint = msgspec.json.Decoder(Endpoint).decode


def kept(snapshot: Snapshot, name: str, window: Window) -> list[Course]:
    """What the collector read of it in the last hours; minutes of another version are no minutes."""
    samples = snapshot.ledger.samples.window(snapshot.scope, "vitals", window.start, window.end - 1, [name])

    def minutes() -> Iterator[tuple[Millis, Vitals]]:
        for sample in samples:
            try:
                yield sample.at, _vitals(sample.body)
            except msgspec.DecodeError:
                continue

    return from_minutes(minutes(), window)


def instances(snapshot: Snapshot, name: str, window: Window) -> list[Course]:
    """By variant, and by fleet where there were two, at the end of each period; None while nobody watched."""
    before = snapshot.ledger.as_of(snapshot.scope, "endpoint", window.start, [name])
    facts = [fact for fact in (*before, *snapshot.history("endpoint", name, since=window.start)) if not fact.deleted]
    if not facts:
        return []
    times = [fact.observed_at for fact in facts]
    counted = [_counted(_endpoint(fact.body)) for fact in facts]
    fleets = {who[1] for one in counted for who in one if who[1]}
    keys = [who for who in dict.fromkeys(w for one in counted for w in one) if not who[1] or len(fleets) > 1]
    watched = snapshot.ledger.coverage.intervals(snapshot.scope, "endpoints")
    rows: dict[tuple[str, str], list[float | None]] = {who: [] for who in keys}
    for n in range(window.periods):
        at = min(window.start + (n + 1) * window.period, snapshot.moment)
        place = bisect_right(times, at) - 1
        seen = place >= 0 and any(one.start <= at <= one.end + window.period for one in watched)
        for who, row in rows.items():
            row.append(counted[place].get(who) if seen else None)
    return [
        Course(variant, config, "", INSTANCES, window.start, window.period_s, tuple(row))
        for (variant, config), row in rows.items()
    ]


def _counted(e: Endpoint) -> dict[tuple[str, str], float]:
    """Instances by (variant, "") of all its fleets, and by (variant, config)."""
    found: dict[tuple[str, str], float] = {}
    pending = e.pending.variants if e.pending and e.pending.config != e.config else ()
    for config, variants in ((e.config, e.variants), (e.pending.config if e.pending else "", pending)):
        for v in variants:
            if v.instances is not None:
                found[v.name, config] = v.instances
                found[v.name, ""] = found.get((v.name, ""), 0.0) + v.instances
    return found
