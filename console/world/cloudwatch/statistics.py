"""Statistics by name, as GetMetricData and alarms ask for them: Sum, p99, tm95, TM(5%:95%), IQM."""

from __future__ import annotations

import bisect
import itertools
import math
import re
from dataclasses import dataclass

import numpy as np

from console.world.cloudwatch import sketch
from console.world.cloudwatch.series import Key, Metrics, Stats
from console.world.cloudwatch.sketch import Floats
from console.world.cloudwatch.stored import Values
from console.world.errors import AwsError

PLAIN = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")
_TRIMMED = re.compile(r"tm(\d{1,2}(?:\.\d{1,10})?|100)")
_BETWEEN = re.compile(r"TM\((?:(\d{1,3}(?:\.\d+)?)%)?:(?:(\d{1,3}(?:\.\d+)?)%)?\)")


@dataclass(frozen=True, slots=True)
class Stat:
    """A plain statistic by its name, or the percentile `begin`, or the mean between two of them (fractions)."""

    name: str
    begin: float = 0.0
    end: float | None = None

    @property
    def is_plain(self) -> bool:
        return self.name in PLAIN

    @property
    def least_samples(self) -> float:
        """Below so many a percentile says little (EvaluateLowSampleCountPercentile: 10 / (1 - p), or 10 / p)."""
        if self.is_plain or self.end is not None or not 0 < self.begin < 1:
            return 0.0
        return round(10.0 / (1.0 - self.begin if self.begin >= 0.5 else self.begin), 6)


def parse(name: str) -> Stat:
    """Raises ValidationError for what CloudWatch does not know, or this world does not compute."""
    if name in PLAIN:
        return Stat(name)
    if found := _PERCENTILE.fullmatch(name):
        return Stat(name, float(found[1]) / 100)
    if found := _TRIMMED.fullmatch(name):
        return Stat(name, 0.0, float(found[1]) / 100)
    if name == "IQM":
        return Stat(name, 0.25, 0.75)
    if found := _BETWEEN.fullmatch(name):
        return Stat(name, float(found[1] or 0) / 100, float(found[2] or 100) / 100)
    raise AwsError("ValidationError", f"The value {name} for parameter Stat is not supported.")


class Reader:
    """Reads statistics of series, each series and range once however many statistics are asked of it."""

    def __init__(self, metrics: Metrics, *, whole: bool = False) -> None:
        self._metrics = metrics
        self._whole = whole
        self._read: dict[tuple[Key, int, int, int, str | None], Stats | None] = {}

    def stats(self, key: Key, start: int, periods: int, period: int, unit: str | None = None) -> Stats | None:
        asked = (key, start, periods, period, unit)
        if asked not in self._read:
            self._read[asked] = self._metrics.read(key, start, periods, period, unit, whole=self._whole)
        return self._read[asked]

    def values(self, key: Key, stat: Stat, start: int, periods: int, period: int, unit: str | None = None) -> Floats:
        """(periods,), NaN where there is no datum."""
        stats = self.stats(key, start, periods, period, unit)
        if stats is None:
            return np.full(periods, np.nan)
        if stat.is_plain:
            return plain(stats, stat.name)
        if stats.bins is not None:
            low, high = stats.minimum, stats.maximum
            if stat.end is None:
                return sketch.percentile(stats.bins, low, high, stat.begin)
            return sketch.trimmed_mean(stats.bins, low, high, stat.begin, stat.end)
        exact = self._metrics.stored.values(key, start, periods, period, unit)
        if exact is None:
            return np.full(periods, np.nan)
        return np.array([_exact(values, stat) for values in exact])


def plain(stats: Stats, name: str) -> Floats:
    some = stats.count > 0
    match name:
        case "SampleCount":
            found = stats.count
        case "Sum":
            found = stats.sum
        case "Minimum":
            found = stats.minimum
        case "Maximum":
            found = stats.maximum
        case _:
            found = stats.sum / np.where(some, stats.count, 1.0)
    return np.where(some, found, np.nan)


def _exact(values: Values | None, stat: Stat) -> float:
    """Of values and their counts; none where one is negative, as AWS documents. Percentiles lie between the neighbours
    of the rank, linearly. Without numpy: most minutes hold a handful of values."""
    if not values:
        return math.nan
    points = sorted(values)
    if points[0] < 0:
        return math.nan
    upto = list(itertools.accumulate(values[point] for point in points))
    if stat.end is None:
        rank = stat.begin * max(0.0, upto[-1] - 1.0)
        below, above = (points[min(bisect.bisect_right(upto, at), len(points) - 1)] for at in _around(rank))
        return below + (above - below) * (rank - math.floor(rank))
    first, last = stat.begin * upto[-1], stat.end * upto[-1]
    shares = [
        max(0.0, min(until, last) - max(until - values[point], first))
        for point, until in zip(points, upto, strict=True)
    ]
    kept = sum(shares)
    return sum(share * point for share, point in zip(shares, points, strict=True)) / kept if kept > 0 else math.nan


def _around(rank: float) -> tuple[int, int]:
    return math.floor(rank), math.ceil(rank)
