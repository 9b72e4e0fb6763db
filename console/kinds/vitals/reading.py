"""The vital signs as of a moment: of now one row for each endpoint, of the last hours from the minutes kept, and of
the past when they were bad."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from console.clock import DAY, HOUR, MINUTE, Millis
from console.kinds.reading import history
from console.kinds.vitals.episode import Episode
from console.ledger.samples import KEEP_MS

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot

PAST = 90 * DAY
"""As far back as deployments are told, which may be why."""


def episodes(snapshot: Snapshot, names: Sequence[str] | None = None) -> list[Episode]:
    """When users were hurt, each episode as it was told last, in no particular order."""
    decode = msgspec.json.Decoder(Episode).decode
    facts = history(snapshot, "episode", names, since=snapshot.moment - PAST)
    return list({(one.endpoint, one.seen_at): one for one in (decode(fact.body) for fact in facts)}.values())


def pulses(snapshot: Snapshot, names: Sequence[str] | None = None) -> dict[str, bytes]:
    """Encoded, by endpoint. What is older than the samples are kept is CloudWatch's to tell."""
    if snapshot.at is not None:
        return _past(snapshot, snapshot.at, names)
    found = snapshot.ledger.samples.window(snapshot.scope, "pulse", snapshot.now - KEEP_MS, names=names)
    return {sample.name: sample.body for sample in found}


def _past(snapshot: Snapshot, at: Millis, names: Sequence[str] | None) -> dict[str, bytes]:
    if at < snapshot.now - KEEP_MS:
        return {}
    from console.kinds.vitals.record import TRACE, Baseline, Vitals, pulse, summed

    samples, scope = snapshot.ledger.samples, snapshot.scope
    decode, before = msgspec.json.Decoder(Vitals).decode, msgspec.json.Decoder(Baseline).decode
    minutes: dict[str, dict[Millis, Vitals]] = {}
    for sample in samples.window(scope, "vitals", at - (TRACE + 3) * MINUTE, at, names):
        minutes.setdefault(sample.name, {})[sample.at] = decode(sample.body)
    kept = samples.window(scope, "baseline", at - KEEP_MS, names=names)
    baselines = {s.name: b for s in kept if 0 <= at - (b := before(s.body)).hour < HOUR}
    told: dict[str, bytes] = {}
    for name, found in minutes.items():
        was = baselines[name].variants if name in baselines else ()
        beat = pulse(found, now=at, next_ms=MINUTE, was=was, detailed=True)
        told[name] = msgspec.json.encode(summed(beat, (), troubled=True))  # judged again, at any rate
    return told
