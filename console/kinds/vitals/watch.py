"""How vital signs are read: one query of the whole fleet as often as the budget allows, and all metrics every minute of
what is on screen, deploying or unhealthy. Counted as the bill does (facts/sagemaker.md section 5.7).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from zlib import crc32

import msgspec

from console.clock import HOUR, MINUTE, SECOND, Millis
from console.errors import CredentialsError, SourceError, Throttled
from console.kinds.base import Eyes
from console.kinds.config.asking import OPERATIONS, read
from console.kinds.endpoint.record import Endpoint
from console.kinds.vitals import queries
from console.kinds.vitals.asking import guests
from console.kinds.vitals.cost import ASKED, MEMO, Cost, cadence, memo, recalled
from console.kinds.vitals.look import Look, decoded
from console.kinds.vitals.metric_data import billed
from console.kinds.vitals.queries import Series
from console.kinds.vitals.record import (
    Baseline,
    Pulse,
    Shape,
)
from console.kinds.vitals.telling import tell
from console.ledger.samples import KEEP_MS

DUE = 10 * SECOND
"""So much before its time a look is due: sweeps are jittered."""

LEARN_AT_MOST = 20
"""Configs described in one sweep: at half of 5 a second."""

CLOSE_AT_ONCE = 60
"""Endpoints: with eight metrics each, about one call."""

WIDE_EVERY = 15 * MINUTE
"""How often the fleet's query is wider: callers refused, overhead, models that do not fit in memory. Nobody may be
looking, and `lastgood check` must know."""

AGAIN = 10 * MINUTE
"""After a refusal, and for what may change: the components of an endpoint."""

PRUNE_EVERY = 10 * MINUTE

_endpoint = msgspec.json.Decoder(Endpoint).decode
_shape = msgspec.json.Decoder(Shape).decode
_pulse = msgspec.json.Decoder(Pulse).decode
_baseline = msgspec.json.Decoder(Baseline).decode


class VitalsWatch:
    source = "metrics"
    operations = (
        "cloudwatch:GetMetricData",
        *OPERATIONS,
        "sagemaker:ListInferenceComponents",
    )
    every_s = 60.0

    def __init__(self) -> None:
        self._shapes: dict[str, Shape] = {}
        self._refused: dict[str, Millis] = {}
        """Configs that could not be described, with when to try again."""
        self._components: dict[str, tuple[Millis, tuple[tuple[str, str], ...]]] = {}
        self._wide: dict[str, Millis] = {}
        """When each endpoint's turn for a wider look is next."""
        self._pruned: Millis = 0
        self._swept = False

    def sweep(self, eyes: Eyes) -> None:
        now = eyes.now()
        cost = recalled(eyes.recall(MEMO), eyes.dollars_per_hour, eyes.recall(ASKED))
        endpoints = {e.name: e for e in map(_endpoint, eyes.heads("endpoint").values()) if e.variants}
        pulses = {name: beat for name, _, beat in decoded(_pulse, eyes.kept("pulse", now - KEEP_MS))}
        baselines = {name: found for name, _, found in decoded(_baseline, eyes.kept("baseline", now - KEEP_MS))}
        close = self._close(eyes, endpoints, pulses)
        self._shapes = {name: _shape(body) for name, body in eyes.heads("shape").items()}
        self._learn(eyes, [endpoints[name] for name in close])
        asked = {name: self._series(eyes, endpoints[name], everything=True) for name in close}
        fleet = {n: self._series(eyes, e, everything=False) for n, e in endpoints.items() if n not in asked}
        every = cadence(
            sum(map(billed, fleet.values())), sum(map(billed, asked.values())), len(fleet) // 6, cost.budget
        )
        look = Look(eyes, endpoints, pulses, baselines, cost)
        try:
            due = {n: s for n, s in asked.items() if _due(pulses.get(n), now, 1, everything=True)}
            cut = look.read(due, 1, detailed=True)
            oldest = sorted(fleet, key=lambda name: pulses[name].read_at if name in pulses else 0)
            # Who asks once for a table does not wait for the past of the fleet. It goes before the fleet's minutes,
            # which would leave it nothing: `cadence` counts on it.
            close_metrics = sum(map(billed, asked.values()))
            names = [*close, *oldest] if self._swept else close
            self._baselines(look, endpoints, names, asked, close_metrics if self._swept else 0)
            # What is close is asked again in the four minutes to come: the fleet leaves that much.
            due = {n: fleet[n] for n in oldest if _due(pulses.get(n), now, every, everything=False)}
            wide = [name for name in due if now >= self._wide.get(name, 0)]
            due |= {name: self._series(eyes, endpoints[name], everything=False, wide=True) for name in wide}
            late = look.read(due, every, detailed=False, reserve=4 * close_metrics)
            # All at first, then in turn.
            turns = {n: WIDE_EVERY // 2 + 1000 * (crc32(n.encode()) % (WIDE_EVERY // 1000)) for n in wide}
            self._wide |= {n: now + turn for n, turn in turns.items() if n in pulses and pulses[n].read_at == now}
            self._swept = True
            self._learn(eyes, endpoints.values())
        finally:
            tell(eyes, look.felt)
            cost = msgspec.structs.replace(look.cost, every_min=every, endpoints=len(endpoints), close=len(close))
            eyes.remember(MEMO, memo(cost))
        said = _left_out(cost, len(endpoints), every, cut, late)
        eyes.remember(MEMO, memo(msgspec.structs.replace(cost, left_out=said, waiting=cut + late)))
        if now - self._pruned >= PRUNE_EVERY:
            self._pruned = now
            eyes.prune(now - KEEP_MS)

    def _close(self, eyes: Eyes, endpoints: Mapping[str, Endpoint], pulses: Mapping[str, Pulse]) -> list[str]:
        """What is asked in full, in the order in which the budget is given: moving, unhealthy, on screen."""
        on_screen = eyes.interest("endpoint")
        ranks: dict[str, int] = {}
        for name, e in endpoints.items():
            beat = pulses.get(name)
            if e.moving:
                ranks[name] = 0
            elif beat is not None and beat.troubled:
                ranks[name] = 1
            elif name in on_screen:
                ranks[name] = 2
        return sorted(ranks, key=lambda name: (ranks[name], name))

    def _series(self, eyes: Eyes, e: Endpoint, *, everything: bool, wide: bool = False) -> list[Series]:
        shape = self._shape(e)
        configs = (e.config, e.pending.config) if e.pending and e.pending.config != e.config else ()
        components: tuple[tuple[str, str], ...] = ()
        if everything and any(one.flavour == "components" for one in shape.variants):
            components = self._guests(eyes, e.name)
        return queries.of_endpoint(
            e.name, shape, everything=everything, wide=wide, configs=configs, components=components
        )

    def _shape(self, e: Endpoint) -> Shape:
        known = self._shapes.get(e.config)
        return known or queries.plain_shape(e.config, [(v.name, bool(v.serverless)) for v in e.variants])

    def _learn(self, eyes: Eyes, endpoints: Iterable[Endpoint]) -> None:
        """Describe the configs that are not known yet: at most a few a sweep. Refused: hosts of an unknown type."""
        missing = dict.fromkeys(e.config for e in endpoints if e.config and e.config not in self._shapes)
        wanted = [config for config in missing if self._refused.get(config, 0) <= eyes.now()]
        for name in wanted[:LEARN_AT_MOST]:
            if not eyes.in_time():
                break
            try:
                config = read(eyes, name)
            except (CredentialsError, Throttled):
                raise
            except SourceError:
                config = None
            if config is None or config.absent:
                self._refused[name] = eyes.now() + AGAIN
            else:
                self._shapes[name] = queries.shape_of(config)

    def _guests(self, eyes: Eyes, endpoint: str) -> tuple[tuple[str, str], ...]:
        """(name, variant) of the inference components of an endpoint."""
        read_at, known = self._components.get(endpoint, (0, ()))
        if eyes.now() - read_at < AGAIN:
            return known
        found = guests(eyes.client("sagemaker"), endpoint)
        self._components[endpoint] = (eyes.now(), found)
        return found

    def _baselines(
        self,
        look: Look,
        endpoints: Mapping[str, Endpoint],
        names: Sequence[str],
        close: Container[str],
        reserve: int,
    ) -> None:
        """Once an hour, a part of the fleet in each sweep; at once of what is close, which comes first: without what it
        was, slow is only a number."""
        hour = look.now - look.now % HOUR
        missing = [n for n in names if n not in look.baselines or look.baselines[n].hour != hour]
        waiting = sum(name in close for name in missing)
        share = max(4, len(endpoints) // 50, min(waiting, CLOSE_AT_ONCE))
        look.read_before({n: queries.before(n, self._shape(endpoints[n])) for n in missing[:share]}, hour, reserve)


def _due(beat: Pulse | None, now: Millis, every_min: int, *, everything: bool) -> bool:
    if beat is None or (everything and not beat.detailed):
        return True
    return not 0 <= now - beat.read_at < every_min * MINUTE - DUE


def _left_out(cost: Cost, endpoints: int, every: int, cut: int, late: int) -> tuple[str, ...]:
    if cost.budget <= 0:
        return ("no metrics are read: metrics_dollars_per_hour is 0",)
    told = []
    if every > 1:
        told.append(f"{endpoints - cost.close:,} endpoints are asked every {every} min instead of every minute")
    if cut:
        told.append(f"{cut:,} of {cost.close:,} on screen, deploying or unhealthy were left out")
    if late:
        told.append(f"{late:,} endpoints wait for the budget")
    return tuple(told)
