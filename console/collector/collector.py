"""Sweeps every source at its own pace, for ever: a source that fails degrades itself alone and is tried again.

One collector per scope, by `flock`. It beats in the ledger's coverage; one that hangs is replaced by whoever finds its
beat too old (supervisor.py).
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterable

from console.clients.aws import Cloud
from console.clock import SECOND, Millis, now_ms
from console.collector.eyes import ScopedEyes
from console.errors import LastgoodError, LedgerError, Throttled
from console.kinds.base import Kind, Watch
from console.ledger.interest import Interest
from console.ledger.store import KEEP_FACTS_MS, Ledger

BEAT = "collector"
"""The source whose coverage says that a collector lives."""

BEAT_S = 10.0
STUCK_S = 180.0
"""A sweep without an end for so long is a hang: the process ends itself and is started again."""

BACKOFF_AT_MOST_S = 300.0
PRUNE_EVERY_S = 3600.0


class Collector:
    """Runs the watches of kinds until `stop` is set. `pace` divides all periods (tests and drills)."""

    def __init__(
        self,
        ledger: Ledger,
        cloud: Cloud,
        scope: str,
        kinds: Iterable[Kind],
        *,
        now: Callable[[], Millis] = now_ms,
        pace: float = 1.0,
    ) -> None:
        self.ledger, self.cloud, self.scope = ledger, cloud, scope
        self._now, self._pace = now, pace
        self._interest = ledger.interest.read(scope, now())
        self._tasks = [_Task(self, kind, watch) for kind in kinds for watch in kind.watches()]

    def interest(self) -> Interest:
        return self._interest

    def run(self, stop: threading.Event) -> None:
        """Blocks until stopped. Ends the process if a sweep hangs: the lock is then free for the next one."""
        threads = [
            threading.Thread(target=task.run, args=(stop,), name=task.source, daemon=True) for task in self._tasks
        ]
        for thread in threads:
            thread.start()
        beaten = pruned = 0.0
        while not stop.wait(0.5):
            now = time.monotonic()
            self._look_at_interest()
            if now - beaten >= BEAT_S / self._pace:
                self._beat()
                beaten = now
            if now - pruned >= PRUNE_EVERY_S:
                self._prune()
                pruned = now
            if any(task.busy_s(now) > STUCK_S for task in self._tasks):
                os._exit(70)  # threads cannot be ended; what was seen is in the ledger
        for thread in threads:
            thread.join(timeout=5)
        self.cloud.budget.flush()

    def once(self, kind: Kind | None = None) -> list[LastgoodError]:
        """One sweep of every source (of a kind) in the foreground; the errors of those that failed."""
        tasks = [task for task in self._tasks if kind is None or task.kind.id == kind.id]
        errors = [error for task in tasks if (error := task.sweep())]
        self.cloud.budget.flush()
        return errors

    def _look_at_interest(self) -> None:
        """Wake the sources of what has come on screen, or of what somebody wants fresh."""
        before, self._interest = self._interest, self.ledger.interest.read(self.scope, self._now())
        names, fresh = self._interest
        woken = {k for k, wanted in names.items() if wanted - before.names.get(k, frozenset())}
        woken |= {k for k, at in fresh.items() if at > before.fresh.get(k, 0)}
        for task in self._tasks:
            if task.kind.id in woken or task.kind.plural in woken:
                task.wake.set()

    def _beat(self) -> None:
        try:
            self.ledger.coverage.cover(self.scope, BEAT, self._now(), every_ms=round(BEAT_S * SECOND))
            self.cloud.budget.flush()
        except LedgerError:
            pass  # a full disk stops the beat, not the looking; the sources say so when it has room again

    def _prune(self) -> None:
        with contextlib.suppress(LedgerError):
            self.ledger.prune(self.scope, self._now() - KEEP_FACTS_MS)


class _Task:
    """One watch with its thread: single-flight, jittered, backing off while it fails."""

    def __init__(self, collector: Collector, kind: Kind, watch: Watch) -> None:
        self.kind, self.watch, self.source = kind, watch, watch.source
        self.wake = threading.Event()
        self._collector = collector
        self._eyes = ScopedEyes(
            watch,
            collector.cloud,
            collector.ledger,
            collector.scope,
            now=collector._now,
            interest=collector.interest,
        )
        self._since: float | None = None
        self._failures = 0

    def busy_s(self, now: float) -> float:
        since = self._since
        return now - since if since is not None else 0.0

    def run(self, stop: threading.Event) -> None:
        rng = random.Random()
        while not stop.is_set():
            self.sweep()
            every = self.watch.every_s / self._collector._pace
            if self._failures:
                every = min(every * 2.0 ** (self._failures - 1), max(BACKOFF_AT_MOST_S / self._collector._pace, every))
            self._rest(stop, every * rng.uniform(0.9, 1.1))

    def _rest(self, stop: threading.Event, seconds: float) -> None:
        """Until the period ends or something comes on screen; a failing source is not hurried."""
        deadline = time.monotonic() + seconds
        while not stop.is_set() and (left := deadline - time.monotonic()) > 0:
            if self.wake.wait(min(left, 0.5)) and not self._failures:
                break
        self.wake.clear()

    def sweep(self) -> LastgoodError | None:
        """One look, its coverage or its error. Never raises: a source must not take the collector down."""
        collector = self._collector
        began = collector._now()
        self._since = time.monotonic()
        try:
            self.watch.sweep(self._eyes)
            self._eyes.flush()
            every_ms = round(self.watch.every_s * SECOND)
            collector.ledger.coverage.cover(collector.scope, self.source, began, every_ms=every_ms)
            self._failures = 0
            return None
        except LastgoodError as error:
            self._failures += 1
            self._tell(error)
            return error
        except Exception as error:  # a bug in a watch, or an answer no model foresaw
            self._failures += 1
            unexpected = LastgoodError(
                f"{type(error).__name__}: {error}", advice="please report this with `lastgood info`"
            )
            self._tell(unexpected)
            return unexpected
        finally:
            self._since = None

    def _tell(self, error: LastgoodError) -> None:
        code = getattr(error, "code", "") or type(error).__name__
        try:
            self._eyes.flush()
            self._collector.ledger.coverage.fail(
                self._collector.scope, self.source, self._collector._now(), code, error.message
            )
        except LedgerError:
            pass
        if isinstance(error, Throttled):
            self._failures = min(self._failures, 3)
