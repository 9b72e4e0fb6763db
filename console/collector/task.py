"""One watch with its pace: single-flight, jittered, backing off while it fails, never ending by itself."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from console.clock import SECOND, Millis
from console.collector.eyes import ScopedEyes
from console.errors import CredentialsError, LastgoodError, LedgerError, Throttled
from console.kinds.base import Kind, Watch
from console.ledger.store import Ledger

BACKOFF_AT_MOST_S = 300.0
BACKOFF_LOCAL_S = 30.0
"""At most this long after a failure that is not the provider's: credentials are renewed and disks cleared by people
who then want to see it work."""

BETWEEN_WAKES_S = 1.0
"""However fast somebody moves through a list, a source is looked at this rarely."""


class Stop(LastgoodError):
    """The collector must end: what it sees with is not what it was started for."""


class Task:
    """Sweeps one source. `run` blocks until stopped; `sweep` is one look and never raises anything but Stop."""

    def __init__(
        self,
        kind: Kind,
        watch: Watch,
        eyes: ScopedEyes,
        ledger: Ledger,
        *,
        now: Callable[[], Millis],
        pace: float,
        also: frozenset[str] = frozenset(),
    ) -> None:
        self.kind, self.watch, self.source, self.eyes = kind, watch, watch.source, eyes
        self.wanted_as = frozenset({kind.id, kind.plural, watch.source}) | also
        """Words by which somebody asks for a fresh look at it: its kind's, and those of kinds that show it too."""
        self._ledger, self._now, self._pace = ledger, now, pace
        self._flight = threading.Lock()
        self._wake = threading.Event()
        self._hurry = False
        self._since: float | None = None
        self.failures = 0
        self.error: LastgoodError | None = None

    @property
    def every_s(self) -> float:
        return self.watch.every_s / self._pace

    def busy_s(self, now: float) -> float:
        """Seconds since a sweep in flight last did anything; 0 between sweeps."""
        since = self._since
        return now - max(since, self.eyes.active_at) if since is not None else 0.0

    def wake(self, *, hurry: bool) -> None:
        """Look soon. `hurry`: also if it fails; somebody waits for the answer."""
        if hurry or not self.failures:
            self._hurry = self._hurry or hurry
            self._wake.set()

    def run(self, stop: threading.Event) -> None:
        rng = random.Random()
        while not stop.is_set():
            self._wake.clear()
            self._hurry = False
            self.sweep(stop)
            self._rest(stop, self.pause_s() * rng.uniform(0.9, 1.1))

    def pause_s(self) -> float:
        """Until the next sweep, without jitter: the period, doubled for every failure in a row up to a bound."""
        every = self.every_s
        if not self.failures:
            return every
        local = isinstance(self.error, (CredentialsError, LedgerError))
        bound = (BACKOFF_LOCAL_S if local else BACKOFF_AT_MOST_S) / self._pace
        if isinstance(self.error, Throttled):
            bound = min(bound, 4 * every)  # the budget has slowed down already
        return min(every * 2.0 ** min(self.failures - 1, 16), max(bound, every))

    def _rest(self, stop: threading.Event, seconds: float) -> None:
        began = time.monotonic()
        while not stop.is_set() and (left := began + seconds - time.monotonic()) > 0:
            if self._wake.wait(min(left, 0.25)):
                if time.monotonic() - began >= BETWEEN_WAKES_S / self._pace:
                    return
                stop.wait(0.1)

    def sweep(self, stop: threading.Event | None = None) -> LastgoodError | None:
        """One look, its coverage or its error. Raises Stop alone: a source must not take the collector down."""
        if not self._flight.acquire(blocking=False):
            return self.error
        try:
            self._since = time.monotonic()
            began = self._now()
            self.error = self._look(began)
            if self.error is None:
                self.failures = 0
            elif stop is None or not stop.is_set():  # stopping wakes those who wait with an error that is none
                self.failures += 1
                self._tell(self.error)
            return self.error
        finally:
            self._since = None
            self._flight.release()

    def _look(self, began: Millis) -> LastgoodError | None:
        try:
            self.watch.sweep(self.eyes)
            self.eyes.flush()
            every_ms = max(1, round(self.every_s * SECOND))
            self._ledger.coverage.cover(self.eyes.scope, self.source, began, every_ms=every_ms)
        except Stop:
            self.eyes.drop()
            raise
        except LastgoodError as error:
            return error
        except BaseException as error:  # a bug in a watch, or an answer no model foresaw
            words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return LastgoodError(words, advice="please report this with `lastgood info`")
        return None

    def _tell(self, error: LastgoodError) -> None:
        """What was seen before the failure is kept, and the failure itself; a ledger that is full keeps neither."""
        code = getattr(error, "code", "") or type(error).__name__
        try:
            self.eyes.flush()
        except Stop:
            self.eyes.drop()
            raise
        except Exception:
            self.eyes.drop()
        try:
            self._ledger.coverage.fail(self.eyes.scope, self.source, self._now(), code, error.message)
        except Exception:
            return
