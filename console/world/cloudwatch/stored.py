"""What PutMetricData stored: per series, exact values with their counts, at once visible."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from console.world.cloudwatch.sketch import Floats

if TYPE_CHECKING:
    from console.world.cloudwatch.series import Key

KEPT_S = 455 * 86400
_INF = float("inf")

Values: TypeAlias = dict[float, float]
"""Value -> how often."""


@dataclass(slots=True)
class Datum:
    """All that was put for one second, or one minute, of a series."""

    sum: float = 0.0
    count: float = 0.0
    minimum: float = _INF
    maximum: float = -_INF
    values: Values | None = field(default_factory=dict)
    """None as soon as a StatisticSet of more than one sample came in: then there are no percentiles."""

    def add(self, values: list[float], counts: list[float]) -> None:
        for value, count in zip(values, counts, strict=True):
            self.merge(value * count, count, value, value)
            if self.values is not None:
                self.values[value] = self.values.get(value, 0.0) + count

    def merge(self, total: float, count: float, minimum: float, maximum: float) -> None:
        self.sum += total
        self.count += count
        self.minimum, self.maximum = min(self.minimum, minimum), max(self.maximum, maximum)

    def add_set(self, total: float, count: float, minimum: float, maximum: float) -> None:
        """A StatisticSet has percentiles only where it tells the value of every sample."""
        if minimum == maximum and total == minimum * count:
            self.add([minimum], [count])
        else:
            self.merge(total, count, minimum, maximum)
            self.values = None


@dataclass(slots=True)
class _Line:
    """One series in one unit: data by time, times in order."""

    step: int
    times: list[int] = field(default_factory=list)
    data: list[Datum] = field(default_factory=list)

    def at(self, time: int) -> Datum:
        time -= time % self.step
        place = bisect.bisect_left(self.times, time)
        if place == len(self.times) or self.times[place] != time:
            self.times.insert(place, time)
            self.data.insert(place, Datum())
        return self.data[place]

    def between(self, start: int, periods: int, period: int) -> Iterator[tuple[int, Datum]]:
        """(index of its period, datum)."""
        first = bisect.bisect_left(self.times, start)
        last = bisect.bisect_left(self.times, start + periods * period)
        for place in range(first, last):
            yield (self.times[place] - start) // period, self.data[place]

    def forget(self, before: int) -> None:
        gone = bisect.bisect_left(self.times, before)
        del self.times[:gone], self.data[:gone]


class Stored:
    def __init__(self) -> None:
        self._lines: dict[Key, dict[str, _Line]] = {}

    def datum(self, key: Key, unit: str, time: int, step: int) -> Datum:
        """To add to. `step` is the StorageResolution, 1 or 60; the finer wins for what a series stores from then on."""
        line = self._lines.setdefault(key, {}).setdefault(unit, _Line(step))
        line.step = min(line.step, step)
        if len(line.times) % 512 == 511:
            line.forget(time - KEPT_S)
        return line.at(time)

    def keys(self, since: float) -> list[tuple[Key, str]]:
        """Series that have data since then."""
        return [
            (key, unit)
            for key, lines in self._lines.items()
            for unit, line in lines.items()
            if line.times and line.times[-1] >= since
        ]

    def unit(self, key: Key) -> str | None:
        return next(iter(self._lines.get(key, ())), None)

    def read(
        self, key: Key, start: int, periods: int, period: int, unit: str | None
    ) -> tuple[Floats, Floats, Floats, Floats] | None:
        """(sum, count, minimum, maximum) by period; units are never added up: the first that was put is taken."""
        line = self._line(key, unit)
        if line is None:
            return None
        total, count = [0.0] * periods, [0.0] * periods
        minimum, maximum = [_INF] * periods, [-_INF] * periods
        for at, datum in line.between(start, periods, period):
            total[at] += datum.sum
            count[at] += datum.count
            minimum[at], maximum[at] = min(minimum[at], datum.minimum), max(maximum[at], datum.maximum)
        return np.array(total), np.array(count), np.array(minimum), np.array(maximum)

    def values(self, key: Key, start: int, periods: int, period: int, unit: str | None) -> list[Values | None] | None:
        """Value -> count by period, exact; None for periods where a StatisticSet hides the values."""
        line = self._line(key, unit)
        if line is None:
            return None
        found: list[Values | None] = [{} for _ in range(periods)]
        for at, datum in line.between(start, periods, period):
            have = found[at]
            if have is None or datum.values is None:
                found[at] = None
                continue
            for value, count in datum.values.items():
                have[value] = have.get(value, 0.0) + count
        return found

    def _line(self, key: Key, unit: str | None) -> _Line | None:
        lines = self._lines.get(key)
        if not lines or (unit is not None and unit not in lines):
            return None
        return lines[unit or next(iter(lines))]
