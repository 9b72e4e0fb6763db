"""A source for tests: computed series that anybody can check by hand."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from console.world.cloudwatch.series import Key, Stats
from console.world.cloudwatch.sketch import BINS, EDGES

LATENCY = Key.of("AWS/SageMaker", "ModelLatency", EndpointName="ramp", VariantName="AllTraffic")
ERRORS = Key.of("AWS/SageMaker", "Invocation5XXErrors", EndpointName="ramp", VariantName="AllTraffic")
REQUESTS = 1000.0
MILLI = 1000.0


class Ramp:
    """1,000 requests a minute; the latency of each minute is ten milliseconds for half of them and as many
    milliseconds as `slow` says for the others; `errors` of them fail from the minute `bad_from` on."""

    def __init__(self, slow: float = 50.0, errors: float = 0.0, bad_from: float = 0.0) -> None:
        self.slow, self.errors, self.bad_from = slow, errors, bad_from
        self.reads = 0

    def keys(self) -> Iterable[tuple[Key, str]]:
        return [(LATENCY, "Microseconds"), (ERRORS, "Count")]

    def unit(self, key: Key) -> str | None:
        return dict(self.keys()).get(key)

    def read(self, key: Key, start: int, periods: int, step: int) -> Stats | None:
        self.reads += 1
        count = np.full(periods, REQUESTS * step / 60)
        if key == ERRORS:
            bad = (start + step * np.arange(periods)) >= self.bad_from
            failed = np.where(bad, np.minimum(self.errors, count), 0.0)
            return Stats(failed, count, np.zeros(periods), (failed > 0).astype(float))
        if key != LATENCY:
            return None
        low, high = 10 * MILLI, self.slow * MILLI
        bins = np.zeros((periods, BINS))
        for value in (low, high):
            bins[:, np.searchsorted(EDGES, value) - 1] += count / 2
        return Stats((low + high) / 2 * count, count, np.full(periods, low), np.full(periods, high), bins)
