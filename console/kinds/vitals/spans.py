"""Which period fits a span of time, by what CloudWatch keeps of that age (facts/sagemaker.md section 5.7). Pure."""

from __future__ import annotations

from typing import NamedTuple

from console.clock import DAY, HOUR, MINUTE, SECOND, Millis, clock_time, duration
from console.errors import UsageError

POINTS = 720
"""At most so many of one series: three for each column of a wide terminal, and a few hundred kB for all series."""

PERIODS_S = (60, 300, 900, 3600, 21_600, 86_400)
RETENTION = ((15 * DAY, 60), (63 * DAY, 300), (455 * DAY, 3600))
"""(up to this age, the shortest period in seconds that still has points)."""

LONGEST = RETENTION[-1][0]
OLDEST = 450 * DAY
"""So far back a screen goes: a window that ends there still begins within what is kept."""

ZOOMS = (15 * MINUTE, HOUR, 3 * HOUR, 12 * HOUR, DAY, 7 * DAY, 30 * DAY)


class Window(NamedTuple):
    """`start` is included, `end` is not; both are multiples of the period, so only whole periods are in it."""

    start: Millis
    end: Millis
    period_s: int

    @property
    def period(self) -> Millis:
        return self.period_s * SECOND

    @property
    def periods(self) -> int:
        return (self.end - self.start) // self.period

    def words(self, now: Millis) -> str:
        """`3 h to 03:12Z`"""
        return f"{duration(self.end - self.start)} to {clock_time(self.end, now)}"


def window(end: Millis, span: int, now: Millis) -> Window:
    """The whole periods of the `span` milliseconds before `end`.

    Raises UsageError where CloudWatch keeps nothing of that age, or where the span is shorter than a minute.
    """
    age = now - (end - span)
    if span < MINUTE:
        raise UsageError("metrics come by the minute", advice="--since 15m, 3h, 7d")
    if age > LONGEST:
        raise UsageError("CloudWatch keeps metrics for 455 days", advice="--since 15m, 3h, 7d, --at a later moment")
    kept = next(period for oldest, period in RETENTION if age <= oldest)
    period_s = next((p for p in PERIODS_S if p >= kept and span <= POINTS * p * SECOND), PERIODS_S[-1])
    period = period_s * SECOND
    last = end - end % period
    # Floored at both ends: as many periods as the span has, one if it has none.
    return Window(last - max(1, span // period) * period, last, period_s)


def zoomed(span: int, step: int) -> int:
    """The next wider (`step` 1) or narrower (-1) of the zooms; at the last one it stays."""
    near = min(range(len(ZOOMS)), key=lambda n: abs(ZOOMS[n] - span))
    return ZOOMS[max(0, min(len(ZOOMS) - 1, near + step))]
