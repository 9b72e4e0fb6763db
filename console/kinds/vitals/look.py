"""One sweep's reading of vital signs: queries to minutes, minutes to pulses, all counted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from console.clock import DAY, HOUR, MINUTE, Millis
from console.kinds.base import Eyes
from console.kinds.endpoint.record import Endpoint
from console.kinds.vitals.beat import SPAN
from console.kinds.vitals.cost import Cost
from console.kinds.vitals.finding import Finding
from console.kinds.vitals.judge import findings
from console.kinds.vitals.metric_data import Points, batches, billed, fetch, minutes_of, together
from console.kinds.vitals.queries import Series
from console.kinds.vitals.record import Baseline, Pulse, Vitals, pulse, summed
from console.kinds.vitals.relapse import full
from console.kinds.vitals.usual import DAYS, usual
from console.ledger.samples import KEEP_MS, Sample

SHORT, LONG = (SPAN + 5) * MINUTE, 30 * MINUTE
SPANS = (SHORT + 2 * MINUTE, 20 * MINUTE, LONG, 45 * MINUTE, HOUR, 2 * HOUR)
"""How far back a look reads: minutes that were provisional, and what a new one needs. Points cost nothing."""

T = TypeVar("T")

_minute = msgspec.json.Decoder(Vitals).decode


class Look:
    """One sweep's reading: queries to minutes, minutes to pulses, all counted."""

    def __init__(
        self,
        eyes: Eyes,
        endpoints: Mapping[str, Endpoint],
        pulses: dict[str, Pulse],
        baselines: dict[str, Baseline],
        cost: Cost,
    ) -> None:
        self._eyes, self._client, self.now = eyes, eyes.client("cloudwatch"), eyes.now()
        self._endpoints, self._pulses, self.baselines, self.cost = endpoints, pulses, baselines, cost
        self.felt: dict[str, tuple[Pulse, tuple[Finding, ...]]] = {}
        """What was looked at, with what that says."""

    def read(self, wanted: Mapping[str, Sequence[Series]], every_min: int, *, detailed: bool, reserve: int = 0) -> int:
        """The minutes of these endpoints; returns how many the budget had no room for. Each look reaches back to what
        was provisional in the one before, hours at the first."""
        room, left = self.cost.room(self.now) - reserve, 0
        spans: dict[int, list[Series]] = {}
        for name, series in wanted.items():
            room -= (price := billed(series))
            if room < 0:
                room, left = room + price, left + 1
                continue
            spans.setdefault(self._span(name, detailed), []).extend(series)
        end = self.now - self.now % MINUTE
        for span, series in spans.items():
            for batch in batches(series, span // MINUTE):
                if not self._eyes.in_time():
                    return left
                found = self._fetch(batch, end - span, end, 60)
                asked = {one.endpoint: {s.metric.field for s in wanted[one.endpoint]} for one in batch}
                self._keep(asked, minutes_of(batch, found), end - span, every_min, detailed)
        return left

    def _span(self, name: str, detailed: bool) -> int:
        before = self._pulses.get(name)
        if detailed and (before is None or not before.detailed):
            return KEEP_MS
        if before is None:
            return LONG
        back = self.now - before.read_at + SHORT
        return next((span for span in SPANS if back <= span), KEEP_MS)

    def _keep(
        self,
        asked: Mapping[str, Container[str]],
        minutes: dict[str, dict[Millis, Vitals]],
        since: Millis,
        every_min: int,
        detailed: bool,
    ) -> None:
        kept: dict[str, dict[Millis, Vitals]] = {name: {} for name in asked}
        for name, at, vitals in decoded(_minute, self._eyes.kept("vitals", since, list(asked))):
            kept[name][at] = vitals
        rows: list[Sample] = []
        for name, found in minutes.items():
            for at, vitals in found.items():
                both = kept[name][at] = together(kept[name].get(at), vitals)
                rows.append(Sample(name, at, msgspec.json.encode(both)))
        self._eyes.keep("vitals", rows)
        pulses = []
        for name, fields in asked.items():
            baseline = self.baselines.get(name)
            beat = pulse(
                kept[name],
                now=self.now,
                next_ms=every_min * MINUTE,
                was=baseline.variants if baseline else (),
                before=self._pulses.get(name),
                detailed=detailed,
                fields=fields,
                changed_at=_changed_at(self._endpoints[name]),
            )
            self._pulses[name] = beat = self._summed(name, beat)
            pulses.append(Sample(name, self.now, msgspec.json.encode(beat)))
        self._eyes.keep("pulse", pulses, alone=True)

    def _summed(self, name: str, beat: Pulse) -> Pulse:
        e = self._endpoints[name]
        beat = msgspec.structs.replace(beat, full=full(beat, e, self._pulses.get(name)))
        found = findings(beat, e, self.now)
        self.felt[name] = beat, found
        return summed(beat, [v.name for v in e.shadows], troubled=bool(found))

    def _fetch(self, batch: Sequence[Series], start: Millis, end: Millis, period_s: int) -> dict[int, Points]:
        self.cost = self.cost.with_spent(self.now, billed(batch))
        return fetch(self._client, batch, start, end, period_s)

    def read_before(self, wanted: Mapping[str, Sequence[Series]], hour: Millis, reserve: int) -> None:
        """Baselines: one query over the days by the hour costs what one over an hour does."""
        room, series = self.cost.room(self.now) - reserve, list[Series]()
        for found in wanted.values():
            room -= billed(found)
            if room >= 0:
                series += found
        for batch in batches(series, DAYS * 24):
            if not self._eyes.in_time():
                return
            points = self._fetch(batch, hour - DAYS * DAY, hour, 3600)
            rows, pulses = [], []
            for name in dict.fromkeys(one.endpoint for one in batch):
                baseline = Baseline(hour, usual(name, batch, points, hour))
                self.baselines[name] = baseline
                rows.append(Sample(name, hour, msgspec.json.encode(baseline)))
                if (beat := self._pulses.get(name)) is not None:
                    beat = self._summed(name, msgspec.structs.replace(beat, was=baseline.variants))
                    self._pulses[name] = beat
                    pulses.append(Sample(name, self.now, msgspec.json.encode(beat)))
            self._eyes.keep("baseline", rows, alone=True)
            self._eyes.keep("pulse", pulses, alone=True)


def decoded(decode: Callable[[bytes], T], samples: Iterable[Sample]) -> Iterator[tuple[str, Millis, T]]:
    """Those of another version are left out: a cache is written anew."""
    for name, at, body in samples:
        with contextlib.suppress(msgspec.DecodeError):
            yield name, at, decode(body)


def _changed_at(e: Endpoint) -> Millis | None:
    """When its config, instances or weights became what they are; None while they are on their way."""
    return None if e.moving else e.modified_at
