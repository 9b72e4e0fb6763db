"""CloudWatch's source of endpoint metrics: each series with exactly the dimensions that exist (facts: sagemaker 5).

Chunks of a few hours are simulated per endpoint and kept: all metrics of an endpoint share them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from console.world.cloudwatch.series import Key, Stats
from console.world.traffic import catalogue
from console.world.traffic.backlog import QUEUE, queued
from console.world.traffic.behaviour import Behaviour, Behaviours
from console.world.traffic.catalogue import SAGEMAKER, Metric
from console.world.traffic.history import Histories, History
from console.world.traffic.simulation import Simulated, simulate

if TYPE_CHECKING:
    from console.world.world import Region

CHUNK = 240
"""Minutes."""
KEPT = 2800
"""Chunks, of 60 KB each: the 455 days that CloudWatch keeps, of one endpoint. Were it less, each metric of an answer
about all of them would simulate them anew."""
WARM_UP = 1440
"""Minutes before a chunk in which an asynchronous endpoint's queue builds up."""
LISTED_S = 14 * 86400.0
Series = dict[tuple[tuple[str, str], ...], dict[str, Metric]]
"""By dimensions, sorted, and by name."""


class EndpointMetrics:
    """A `Source`."""

    def __init__(self, region: Region, histories: Histories) -> None:
        self._region = region
        self._histories = histories
        self._chunks: OrderedDict[tuple[str, int], tuple[object, Simulated]] = OrderedDict()
        self._known: dict[str, tuple[object, Series]] = {}

    def keys(self) -> Iterator[tuple[Key, str]]:
        since = self._region.world.now - LISTED_S
        for history in self._histories:
            ran = {one.config for stretch in history.over(since, np.inf) for one in stretch.servings}
            for dimensions, metrics in self._series(history).items():
                config = dict(dimensions).get("EndpointConfigName")
                if not ran or (config is not None and config not in ran):
                    continue
                for name, metric in metrics.items():
                    yield Key(metric.namespace, name, dimensions), metric.unit

    def unit(self, key: Key) -> str | None:
        found = self._find(key)
        return found[1].unit if found else None

    def read(self, key: Key, start: int, periods: int, step: int) -> Stats | None:
        found = self._find(key)
        if found is None:
            return None
        history, metric = found
        if step < metric.resolution:
            return Stats.empty(periods)
        fine = 60 // step
        first, last = start // 60, (start + periods * step - 1) // 60 + 1
        parts = []
        for chunk in range(first // CHUNK, (last - 1) // CHUNK + 1):
            low, high = max(first, chunk * CHUNK), min(last, (chunk + 1) * CHUNK)
            parts.append(
                self._chunk(history, key, metric, chunk, slice(low - chunk * CHUNK, high - chunk * CHUNK), fine)
            )
        whole = parts[0] if len(parts) == 1 else _joined(parts)
        skipped = (start - first * 60) // step
        return whole if len(whole) == periods else _cut(whole, slice(skipped, skipped + periods))

    def _chunk(self, history: History, key: Key, metric: Metric, chunk: int, part: slice, fine: int) -> Stats:
        simulated = self._simulated(history, chunk)
        dimensions = dict(key.dimensions)
        if "EndpointName" in dimensions and len(dimensions) == 1:
            queue = simulated.get(QUEUE)
            return metric.build(queue.part(part, fine)) if queue else Stats.empty(part.stop - part.start)
        wanted = (
            dimensions.get("EndpointConfigName"),
            dimensions.get("VariantName"),
            dimensions.get("InferenceComponentName"),
        )
        found = [
            metric.build(minutes.part(part, fine))
            for (config, variant, component), minutes in simulated.items()
            if (config, variant, component) != QUEUE
            and wanted[0] in (None, config)
            and wanted[1] in (None, variant)
            and wanted[2] in (None, component)
            # A variant counts its components' requests, but its hosts are its own; and not every fleet has GPUs.
            and (wanted[2] is not None or key.metric in catalogue.of_variant(minutes.serving))
        ]
        return reduce(Stats.plus, found) if found else Stats.empty((part.stop - part.start) * fine)

    def _simulated(self, history: History, chunk: int) -> Simulated:
        behaviours = self.behaviours(history)
        stamp, at = (history.version, history.workload, behaviours), (history.name, chunk)
        known = self._chunks.get(at)
        if known and known[0] == stamp:
            self._chunks.move_to_end(at)
            return known[1]
        simulated = self._simulate(history, behaviours, chunk * CHUNK)
        self._chunks[at] = (stamp, simulated)
        while len(self._chunks) > KEPT:
            self._chunks.popitem(last=False)
        return simulated

    def _simulate(self, history: History, behaviours: tuple[Behaviour, ...], first: int) -> Simulated:
        speed = self._region.world.clock.speed
        stretches = history.over(first * 60.0, (first + CHUNK) * 60.0)
        if not any(one.flavour == "async" for stretch in stretches for one in stretch.servings):
            return simulate(history.workload, stretches, behaviours, first, CHUNK, speed)
        early = history.over((first - WARM_UP) * 60.0, (first + CHUNK) * 60.0)
        whole = simulate(history.workload, early, behaviours, first - WARM_UP, WARM_UP + CHUNK, speed)
        return {who: minutes.part(slice(WARM_UP, WARM_UP + CHUNK)) for who, minutes in queued(whole).items()}

    def behaviours(self, history: History) -> tuple[Behaviour, ...]:
        """Those declared, and those that the containers' logs tell of: configs whose containers fail."""
        from console.world.sagemaker.endpoint_logs import EndpointLogs  # which asks for the behaviours itself

        symptoms = self._region.of(EndpointLogs).symptoms
        failing = tuple(
            Behaviour(history.name, config=config, errors=one.share)
            for config, one in symptoms.items()
            if not one.at_start and config in history.configs
        )
        return self._region.of(Behaviours).of(history.name) + failing

    def _find(self, key: Key) -> tuple[History, Metric] | None:
        dimensions = dict(key.dimensions)
        if "EndpointName" in dimensions:
            history = self._histories.find(dimensions["EndpointName"])
        else:
            history = self._histories.of_component(dimensions.get("InferenceComponentName", ""))
        if history is None:
            return None
        found = self._series(history).get(key.dimensions, {}).get(key.metric)
        return (history, found) if found and found.namespace == key.namespace else None

    def _series(self, history: History) -> Series:
        """All that the endpoint has ever published."""
        stamp = (history.version, bool(history.workload.peak_rps))
        known = self._known.get(history.name)
        if known and known[0] == stamp:
            return known[1]
        found: Series = {}
        for one in dict.fromkeys(serving for era in history.eras for serving in era.servings):
            names = {"EndpointName": history.name, "VariantName": one.variant}
            series = [(names, catalogue.of_variant(one))]
            if one.deployed and not one.component:
                series.append((names | {"EndpointConfigName": one.config}, catalogue.of_variant(one)))
            if one.component:
                series.append(({"InferenceComponentName": one.component}, catalogue.of_component(one)))
            if one.flavour == "async":
                series.append(({"EndpointName": history.name}, catalogue.BACKLOG))
            for dimensions, metrics in series:
                into = found.setdefault(tuple(sorted(dimensions.items())), {})
                for name, metric in metrics.items():
                    silent = not history.workload.peak_rps and metric.namespace == SAGEMAKER
                    if not silent and (name != "NoCapacityInvocationFailures" or not one.instances):
                        into.setdefault(name, metric)
        self._known[history.name] = (stamp, found)
        return found


def _joined(parts: list[Stats]) -> Stats:
    bins = [part.bins for part in parts if part.bins is not None]
    return Stats(
        np.concatenate([part.sum for part in parts]),
        np.concatenate([part.count for part in parts]),
        np.concatenate([part.minimum for part in parts]),
        np.concatenate([part.maximum for part in parts]),
        np.concatenate(bins) if len(bins) == len(parts) else None,
    )


def _cut(stats: Stats, part: slice) -> Stats:
    bins = None if stats.bins is None else stats.bins[part]
    return Stats(stats.sum[part], stats.count[part], stats.minimum[part], stats.maximum[part], bins)
