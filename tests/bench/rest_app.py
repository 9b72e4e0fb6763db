"""The whole console over 10,000 rows in memory, with the wall clock: what it costs while nothing happens."""

from __future__ import annotations

from console.clock import HOUR, Millis, now_ms
from screens.app import LastgoodApp
from tests.screens.memory import MemoryFeed, Service, places


class Clocked(MemoryFeed):
    def now(self) -> Millis:
        return now_ms()


if __name__ == "__main__":
    feed = Clocked()
    seen = now_ms() - 3 * HOUR
    feed.put(*(Service(f"svc-{n:05d}", requests=float(n), seen_at=seen) for n in range(10_000)))
    LastgoodApp(feed, places=places()).run()
