"""Time series: what CloudWatch stores, what others compute for it, and how both are read.

A `Source` computes its series on demand, as a pure function of the world's history: nothing is stored. What was put by
PutMetricData is kept exactly (`stored`). Times are epoch seconds that divide by the step.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from console.world.cloudwatch.sketch import BINS, Floats
from console.world.cloudwatch.stored import Stored

if TYPE_CHECKING:
    from console.world.world import Region

MINUTE = 60
CHUNK = 1440
"""Steps that are read from a source at once: with bins, a day is 4 MB."""


class Key(NamedTuple):
    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    """Sorted by name."""

    @classmethod
    def of(cls, namespace: str, metric: str, **dimensions: str) -> Key:
        return cls(namespace, metric, tuple(sorted(dimensions.items())))


@dataclass(frozen=True, slots=True)
class Stats:
    """Statistics of n consecutive periods, each array (n,) of float64. Where `count` is 0 there is no datum, and the
    other values mean nothing."""

    sum: Floats
    count: Floats
    minimum: Floats
    maximum: Floats
    bins: Floats | None = None
    """(n, B) counts on the grid `sketch.EDGES`; None where percentiles mean nothing."""

    @classmethod
    def empty(cls, periods: int, *, bins: bool = False) -> Stats:
        zero = np.zeros(periods)
        return cls(zero, zero, zero, zero, np.zeros((periods, BINS)) if bins else None)

    def __len__(self) -> int:
        return len(self.count)

    def coarser(self, factor: int) -> Stats:
        """Each `factor` consecutive periods as one; n must divide by it."""
        if factor == 1:
            return self
        shape = (-1, factor)
        some = self.count > 0
        return Stats(
            np.where(some, self.sum, 0.0).reshape(shape).sum(axis=1),
            self.count.reshape(shape).sum(axis=1),
            np.where(some, self.minimum, np.inf).reshape(shape).min(axis=1),
            np.where(some, self.maximum, -np.inf).reshape(shape).max(axis=1),
            None if self.bins is None else self.bins.reshape(-1, factor, BINS).sum(axis=1),
        )

    def plus(self, other: Stats) -> Stats:
        """Both together, for equal periods; percentiles are of all data where both have bins, else of the first's."""
        mine, its = self.count > 0, other.count > 0
        return Stats(
            np.where(mine, self.sum, 0.0) + np.where(its, other.sum, 0.0),
            self.count + other.count,
            np.minimum(np.where(mine, self.minimum, np.inf), np.where(its, other.minimum, np.inf)),
            np.maximum(np.where(mine, self.maximum, -np.inf), np.where(its, other.maximum, -np.inf)),
            self.bins if self.bins is None or other.bins is None else self.bins + other.bins,
        )

    def part(self, share: Floats) -> Stats:
        """What is known when only `share` (n,), 0..1, of each period's data has arrived: whole data only."""
        count = np.floor(self.count * share + 1e-9)
        with np.errstate(divide="ignore", invalid="ignore"):
            kept = np.where(self.count > 0, count / self.count, 0.0)
            mean = np.where(self.count > 0, self.sum / self.count, 0.0)
        one = (count == 1) & (self.count > 1)
        return Stats(
            self.sum * kept,
            count,
            np.where(one, mean, self.minimum),
            np.where(one, mean, self.maximum),
            None if self.bins is None else self.bins * kept[:, None],
        )


class Source(Protocol):
    """Computes series. Its points may be asked for at any moment, also of the future: what has not arrived yet is
    hidden by `Metrics`."""

    def keys(self) -> Iterable[tuple[Key, str]]:
        """Every series that had data in the last two weeks, and its unit: for ListMetrics."""

    def unit(self, key: Key) -> str | None:
        """None: not one of its series."""

    def read(self, key: Key, start: int, periods: int, step: int) -> Stats | None:
        """`step` is 60, or 10 for series of high resolution. None: not one of its series."""


class Metrics:
    """The series of one region: `region.of(Metrics)`."""

    def __init__(self, region: Region) -> None:
        self._world = region.world
        self.sources: list[Source] = []
        self.stored = Stored()

    def series(self) -> Iterator[tuple[Key, str]]:
        """Series with data in the last two weeks, each with its unit."""
        for source in self.sources:
            yield from source.keys()
        yield from self.stored.keys(self._world.now - 14 * 86400)

    def unit(self, key: Key) -> str | None:
        """None for a series that has never had data."""
        for source in self.sources:
            found = source.unit(key)
            if found is not None:
                return found
        return self.stored.unit(key)

    def read(
        self, key: Key, start: int, periods: int, period: int, unit: str | None = None, *, whole: bool = False
    ) -> Stats | None:
        """What has arrived by now, or only what has arrived `whole`. None where the series is not known, or has another
        unit than that asked for."""
        found: Stats | None = None
        for source in self.sources:
            own = source.unit(key)
            if own is not None and unit in (None, own):
                found = self._computed(source, key, start, periods, period, whole)
                break
        put = self.stored.read(key, start, periods, period, unit)
        if put is None:
            return found
        stats = Stats(*put)
        return stats if found is None else found.plus(stats)

    def late_s(self, key: Key) -> float:
        """Wall seconds after its end when a period of a computed series is whole: 60 to 150 modelled ones by series.
        0 for what is put."""
        if all(source.unit(key) is None for source in self.sources):
            return 0.0
        return self._lag_s(key)

    def _lag_s(self, key: Key) -> float:
        return self._world.clock.real(60.0 + zlib.crc32(repr(key).encode()) % 91)

    def _computed(self, source: Source, key: Key, start: int, periods: int, period: int, whole: bool) -> Stats | None:
        step = MINUTE if period % MINUTE == 0 else 10
        if period % step:
            return None
        factor = period // step
        chunk = max(1, CHUNK // factor) * factor
        parts: list[Stats] = []
        for first in range(0, periods * factor, chunk):
            begin, steps = start + first * step, min(chunk, periods * factor - first)
            fine = source.read(key, begin, steps, step)
            if fine is None:
                return None
            parts.append(self._arrived(fine, key, begin, step, whole).coarser(factor))
        if len(parts) == 1:
            return parts[0]
        bins = [part.bins for part in parts if part.bins is not None]
        return Stats(
            np.concatenate([part.sum for part in parts]),
            np.concatenate([part.count for part in parts]),
            np.concatenate([part.minimum for part in parts]),
            np.concatenate([part.maximum for part in parts]),
            np.concatenate(bins) if len(bins) == len(parts) else None,
        )

    def _arrived(self, fine: Stats, key: Key, begin: int, step: int, whole: bool) -> Stats:
        """A period is whole `late_s` after its end; in the second half of that time, part of it is there already."""
        late = self._lag_s(key)
        age = self._world.now - (begin + step * np.arange(1, len(fine) + 1))
        if not len(age) or age[-1] >= late:
            return fine
        some = 0.0 if whole else 0.3 + 0.5 * ((zlib.crc32(repr(key).encode()) >> 8) % 101) / 100
        return fine.part(np.where(age >= late, 1.0, np.where(age >= late / 2, some, 0.0)))
