"""The queue of an asynchronous endpoint in rates: what comes, what is done, when it is empty. Pure."""

from __future__ import annotations

from typing import NamedTuple

from console.clock import HOUR, MINUTE, Millis, clock_time
from console.kinds.vitals.record import Signs

EMPTY_IN = HOUR
"""Users of an endpoint that answers later bear this: what is proposed empties the queue so soon."""

OLD_S = 120.0
"""Seconds that the oldest must have waited before the queue tells a rate: of less, minutes are too coarse."""


class Queue(NamedTuple):
    """`waiting` requests; `come` and `done` are requests a minute of all instances together."""

    waiting: float
    come: float
    done: float

    @property
    def empty_in(self) -> Millis | None:
        """None where it does not shrink."""
        shrinks = self.done - self.come
        return round(self.waiting / shrinks * MINUTE) if shrinks > 0 else None

    def shrinks_words(self, now: Millis) -> str:
        """Why nobody should add hosts for it, or empty: it is gone soon by itself."""
        left = self.empty_in
        if left is None or left > EMPTY_IN:
            return ""
        rates = f"{self.done:.1f} a minute are done and {self.come:.1f} come"
        return f"{self.waiting:,.0f} wait, {rates}: none by ~{clock_time(now + left, now)}"


def queue(one: Signs) -> Queue | None:
    """None where nothing waits for minutes, or nothing is done (from no instance nobody can tell how many it takes).

    As many came while the oldest waited as wait now: their quotient is what comes (Little's law).
    """
    waiting, oldest, done = one.backlog, one.oldest_request_s, one.invocations_per_min
    if not waiting or not oldest or oldest < OLD_S or not done:
        return None
    return Queue(waiting, waiting / (oldest / 60), done)
