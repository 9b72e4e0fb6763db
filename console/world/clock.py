"""Time of the embedded world: real UTC wall time, with everything that takes minutes shortened by `speed`."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable

Effect = Callable[[float], None]
"""Called with the moment it was due, in epoch seconds, however late it really runs."""


class WorldClock:
    """Timestamps stay real whatever the speed: only durations of the modelled services shrink."""

    def __init__(self, speed: float = 1.0, now: Callable[[], float] = time.time) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be positive, not {speed}")
        self.speed = speed
        self._now = now

    def now(self) -> float:
        """Epoch seconds, to the millisecond as AWS answers them."""
        return round(self._now(), 3)

    def real(self, seconds: float) -> float:
        """Wall seconds that `seconds` of the modelled service take."""
        return seconds / self.speed

    def modelled(self, wall_seconds: float) -> float:
        """Seconds of the modelled service that pass in `wall_seconds`: the inverse of `real`."""
        return wall_seconds * self.speed


class Agenda:
    """Effects that are due at a moment. Nothing runs by itself: whoever looks at the world first advances it, so
    its state is a function of time, seed and requests alone, and a test can hand in the time."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Effect]] = []
        self._sequence = itertools.count()
        self._cancelled: set[int] = set()
        self.moment: float | None = None
        """When the running effect was due; None outside of `advance`."""

    def at(self, due: float, effect: Effect) -> int:
        """Runs `effect` at `due` (epoch seconds); a moment gone by runs at the next `advance`. Returns a handle."""
        handle = next(self._sequence)
        heapq.heappush(self._heap, (due, handle, effect))
        return handle

    def cancel(self, handle: int) -> None:
        """A handle that has run already, or was cancelled before, is ignored."""
        if any(entry[1] == handle for entry in self._heap):
            self._cancelled.add(handle)

    def advance(self, now: float) -> None:
        """Runs what is due, in due order; effects may add effects, and those that are due run in the same call."""
        while self._heap and self._heap[0][0] <= now:
            due, handle, effect = heapq.heappop(self._heap)
            if handle in self._cancelled:
                self._cancelled.discard(handle)
                continue
            self.moment = due
            try:
                effect(due)
            finally:
                self.moment = None

    def next_due(self) -> float | None:
        """When something happens next, for tests that step through time."""
        return min((due for due, handle, _ in self._heap if handle not in self._cancelled), default=None)
