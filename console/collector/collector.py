"""Sweeps every source at its own pace, for ever: a source that fails degrades itself alone and is tried again.

One collector per scope, by `flock`. It beats; one that hangs is replaced by whoever sees its beat stand still
(supervisor.py).
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from console.clients.aws import Cloud
from console.clock import SECOND, Millis, now_ms
from console.collector.beat import BEAT, BEAT_S, SILENT, SILENT_S
from console.collector.eyes import ScopedEyes
from console.collector.task import Stop, Task
from console.errors import CredentialsError, LastgoodError, LedgerError, Unreachable
from console.kinds.base import Kind
from console.ledger.interest import Interest
from console.ledger.store import KEEP_FACTS_MS, Ledger

LOOK_S = 0.25
"""How often interest is looked at: what comes on screen is described within a second or two."""

STUCK_S = 600.0
"""A sweep that did nothing for so long hangs: the process ends itself and is started again."""

CONFIRM_S = 600.0
"""How often STS is asked again whose credentials these are: a credential_process may change its mind."""

PRUNE_FIRST_S, PRUNE_EVERY_S = 300.0, 6 * 3600.0

Alive = Callable[[], None]


class Collector:
    """Runs the watches of kinds until `stop` is set. `pace` divides all periods (tests and drills).

    `confirm` returns the scope of the credentials in use, by STS; without it nobody asks.
    """

    def __init__(
        self,
        ledger: Ledger,
        cloud: Cloud,
        scope: str,
        kinds: Iterable[Kind],
        *,
        confirm: Callable[[], str] | None = None,
        now: Callable[[], Millis] = now_ms,
        pace: float = 1.0,
        dollars_per_hour: float = 1.0,
    ) -> None:
        self.ledger, self.cloud, self.scope = ledger, cloud, scope
        self._now, self._pace, self._who = now, pace, confirm
        self._interest = Interest({}, {})
        self._confirming = threading.Lock()
        self._confirmed: tuple[int, float] = (cloud.generation, time.monotonic())
        self._ended: Stop | None = None
        self._moved: set[str] = set()
        self._failing: set[str] = set()
        self._silent: bool | None = None
        """As the ledger was told; None: a predecessor may have left anything there."""
        kinds = tuple(kinds)
        self.tasks: list[Task] = []
        for kind in kinds:
            for watch in kind.watches():
                eyes = ScopedEyes(
                    watch,
                    cloud,
                    ledger,
                    scope,
                    now=now,
                    interest=self._wanted,
                    confirm=self._confirm,
                    changed=self._moved.add,
                    dollars_per_hour=dollars_per_hour,
                )
                also = frozenset(k.id for k in kinds if watch.source in k.sources)
                self.tasks.append(Task(kind, watch, eyes, ledger, now=now, pace=pace, also=also))

    def run(self, stop: threading.Event, alive: Alive = lambda: None) -> None:
        """Blocks until stopped; `alive` is called every second or oftener.

        Raises Stop when the credentials turn out to be another account's. Ends the process if a sweep hangs: threads
        cannot be ended, the lock is then free for the next one, and what was seen is in the ledger.
        """
        threads: dict[str, threading.Thread] = {}
        beaten, pruned = float("-inf"), time.monotonic() + PRUNE_FIRST_S - PRUNE_EVERY_S
        while not stop.is_set():
            for task in self.tasks:
                if task.source not in threads or not threads[task.source].is_alive():
                    threads[task.source] = threading.Thread(
                        target=self._run_task, args=(task, stop), name=task.source, daemon=True
                    )
                    threads[task.source].start()
            now = time.monotonic()
            with contextlib.suppress(Exception):  # nothing that goes wrong beside the sweeps may end them
                alive()
                self._look_at_interest()
                self._look_again()
                self._tell_silence()
                self._watch_reversals()
                if now - beaten >= BEAT_S / self._pace:
                    beaten = now
                    self._beat()
                if now - pruned >= PRUNE_EVERY_S:
                    pruned = now
                    self.ledger.prune(self.scope, self._now() - KEEP_FACTS_MS)
            if any(task.busy_s(now) > STUCK_S for task in self.tasks):
                os._exit(70)
            stop.wait(LOOK_S)
        self.cloud.budget.close()
        deadline = time.monotonic() + 3
        for thread in threads.values():
            thread.join(timeout=max(0.0, deadline - time.monotonic()))
        with contextlib.suppress(LedgerError):
            self.cloud.budget.flush()
        if self._ended:
            raise self._ended

    def _run_task(self, task: Task, stop: threading.Event) -> None:
        try:
            task.run(stop)
        except Stop as ended:
            self._ended = ended
            stop.set()

    def once(self, sources: Sequence[str] | None = None, *, within_s: float | None = None) -> dict[str, LastgoodError]:
        """One sweep of every source, or of those named, in this thread; the errors of those that failed.

        `within_s`: a sweep that can be continued later ends by then (`cut` tells which did).
        """
        wanted = [task for task in self.tasks if sources is None or task.source in sources]
        for task in wanted:
            task.eyes.until, task.eyes.cut = None if within_s is None else time.monotonic() + within_s, False
        errors = {task.source: error for task in wanted if (error := task.sweep())}
        self._watch_reversals()
        with contextlib.suppress(LedgerError):
            self.cloud.budget.flush()
        return errors

    @property
    def cut(self) -> list[str]:
        """Sources whose last sweep left something for the next one."""
        return [task.source for task in self.tasks if task.eyes.cut]

    @property
    def seen(self) -> int:
        """Records read so far."""
        return sum(task.eyes.seen for task in self.tasks)

    def _wanted(self) -> Interest:
        """Read for each sweep: who asks for a fresh look at something gets one that knows of it."""
        return self.ledger.interest.read(self.scope, self._now())

    def _look_again(self) -> None:
        """Where one source answers again, those that could not be reached need not wait out their pauses."""
        before, self._failing = self._failing, {task.source for task in self.tasks if task.failures}
        if before - self._failing:
            for task in self.tasks:
                if isinstance(task.error, Unreachable):
                    task.wake(hurry=True)

    def _look_at_interest(self) -> None:
        """Wake the sources of what has come on screen, or of what somebody wants fresh."""
        before, self._interest = self._interest, self._wanted()
        names, fresh = self._interest
        shown = {kind for kind, wanted in names.items() if wanted - before.names.get(kind, frozenset())}
        asked = {word for word, at in fresh.items() if at > before.fresh.get(word, 0)}
        for task in self.tasks:
            if task.wanted_as & asked:
                task.wake(hurry=True)
            elif task.wanted_as & shown and task.source in (task.kind.sources[0], *task.kind.eager):
                task.wake(hurry=False)

    def _beat(self) -> None:
        self.ledger.coverage.cover(self.scope, BEAT, self._now(), every_ms=round(BEAT_S * SECOND))
        self.cloud.budget.flush()

    def _tell_silence(self) -> None:
        """At once, long before the SDK gives up: who reads the screen must not take what is old for live."""
        silent = self.cloud.silent_s() >= SILENT_S / self._pace
        if silent != self._silent:
            self.ledger.coverage.remember(self.scope, SILENT, str(self._now()) if silent else "")
            self._silent = silent

    def _confirm(self) -> None:
        """Right before a write: are these still the credentials that the scope was told from? Raises Stop if not."""
        if self._who is None:
            return
        with self._confirming:
            generation, at = self._confirmed
            if generation == self.cloud.generation and time.monotonic() - at < CONFIRM_S:
                return
            generation = self.cloud.generation
            try:
                scope = self._who()
            except CredentialsError:
                raise
            except LastgoodError:
                if generation == self._confirmed[0]:
                    return  # the same session, and STS does not answer just now
                raise
            if scope != self.scope:
                raise Stop(
                    f"the credentials belong to {scope} by now; nothing of it was written to {self.scope}",
                    advice="start again to watch it",
                )
            self._confirmed = (self.cloud.generation, time.monotonic())

    def _watch_reversals(self) -> None:
        """After something moved: has somebody undone a verified action? (DESIGN.md section 3, rule 6)"""
        moved = self._moved & {"endpoint", "change", "scaling"}
        if not moved:
            return
        self._moved -= moved
        from console.actions.reversal import watch_reversals

        watch_reversals(self.ledger, self.scope, self._now())
        with contextlib.suppress(LedgerError):
            if self.ledger.heads(self.scope, "setting"):
                from console.kinds.hold.putback import watch_settings  # what it judges by is more to import

                watch_settings(self.ledger, self.scope, self._now())
