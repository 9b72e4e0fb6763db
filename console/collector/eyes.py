"""What a watch sees with: scoped clients, and facts kept in batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from console.clients.aws import Cloud
from console.clock import MINUTE, Millis
from console.kinds.base import Watch
from console.ledger.interest import Interest
from console.ledger.samples import Sample
from console.ledger.store import Ledger

BATCH = 200
"""Facts in one transaction: a first sweep of thousands is some dozens of commits, a calm one is a single one."""

MOVES = {"endpoint": ("endpoint",), "execution": ("pipeline", "execution")}
"""Kinds whose change makes CloudTrail worth asking, and the kinds of subject to ask about."""

LATELY = 30 * MINUTE
"""A subject that the provider modified so long before the last good sweep, or later, moved: CloudTrail is late."""

Changed = Callable[[str], None]


class ScopedEyes:
    """`console.kinds.base.Eyes` for one watch. Used by one thread; `flush` at the end of the sweep.

    `confirm` is called before anything is written, and raises if the credentials are somebody else's by now;
    `changed` hears of each kind of which a fact was new.
    """

    def __init__(
        self,
        watch: Watch,
        cloud: Cloud,
        ledger: Ledger,
        scope: str,
        *,
        now: Callable[[], Millis],
        interest: Callable[[], Interest],
        confirm: Callable[[], None] = lambda: None,
        changed: Changed = lambda kind: None,
        dollars_per_hour: float = 1.0,
    ) -> None:
        self.dollars_per_hour = dollars_per_hour
        self._watch, self._cloud, self._ledger, self._scope = watch, cloud, ledger, scope
        self._now, self._interest, self._confirm, self._changed = now, interest, confirm, changed
        self._pending: dict[str, list[tuple[str, bytes, Millis | None]]] = {}
        self._waiting = 0
        self.seen = 0
        """Records brought since the process began: progress for whoever waits."""
        self.active_at = 0.0
        """When the watch last asked for or brought something, by the monotonic clock."""
        self.until: float | None = None
        """When whoever waits has waited enough, by the monotonic clock; None: nobody waits."""
        self.cut = False
        """Whether the watch left something for its next sweep because of that."""

    @property
    def scope(self) -> str:
        return self._scope

    def client(self, service: str) -> Any:
        self.active_at = time.monotonic()
        return self._cloud.client(service, self._watch.operations)

    def now(self) -> Millis:
        return self._now()

    def spare(self, operation: str) -> bool:
        return self._cloud.budget.spare(operation)

    def failing(self, source: str) -> str:
        state = self._ledger.coverage.states(self._scope).get(source)
        return state.error or state.code or "it cannot be read" if state and not state.ok else ""

    def in_time(self) -> bool:
        self.cut = self.until is not None and time.monotonic() >= self.until
        return not self.cut

    def interest(self, kind: str) -> frozenset[str]:
        return self._interest().names.get(kind, frozenset())

    def head(self, kind: str, name: str) -> bytes | None:
        self.flush()
        fact = self._ledger.head(self._scope, kind, name)
        return fact.body if fact and not fact.deleted else None

    def heads(self, kind: str) -> dict[str, bytes]:
        self.flush()
        return {fact.name: fact.body for fact in self._ledger.heads(self._scope, kind)}

    def saw(self, kind: str, name: str, record: msgspec.Struct, *, provider_at: Millis | None = None) -> None:
        self.active_at = time.monotonic()
        self._pending.setdefault(kind, []).append((name, msgspec.json.encode(record), provider_at))
        self._waiting += 1
        self.seen += 1
        if self._waiting >= BATCH:
            self.flush()

    def gone(self, kind: str, names: Iterable[str]) -> None:
        self.flush()
        wanted = list(names)
        if not wanted:
            return
        self._confirm()
        if self._ledger.tombstone(self._scope, kind, wanted, at=self._now()):
            self._moved(kind)

    def fill(self, since: Millis) -> None:
        self._confirm()
        self._ledger.coverage.fill(self._scope, self._watch.source, since, self._now())

    def recall(self, key: str) -> str:
        return self._ledger.coverage.recall(self._scope, key)

    def remember(self, key: str, value: str) -> None:
        self._confirm()
        self._ledger.coverage.remember(self._scope, key, value)

    def keep(self, kind: str, samples: Sequence[Sample], *, alone: bool = False) -> None:
        self.active_at = time.monotonic()
        self._confirm()
        self._ledger.samples.put(self._scope, kind, samples, alone=alone)

    def kept(self, kind: str, since: Millis, names: Sequence[str] | None = None) -> list[Sample]:
        return self._ledger.samples.window(self._scope, kind, since, names=names)

    def prune(self, before: Millis) -> None:
        self._ledger.samples.prune(self._scope, before)

    def flush(self) -> None:
        """Write what was seen. Subjects that changed wake the watch that asks CloudTrail who did it."""
        if not self._pending:
            return
        pending, self._pending, self._waiting = self._pending, {}, 0
        self._confirm()
        for kind, items in pending.items():
            new = set(self._ledger.observe(self._scope, kind, items, at=self._now()))
            if new:
                self._moved(kind, [at for name, _, at in items if name in new])

    def drop(self) -> None:
        """Forget what was seen and not written yet."""
        self._pending, self._waiting = {}, 0

    def _moved(self, kind: str, provider_at: Sequence[Millis | None] = ()) -> None:
        """Reading more of what rests, or seeing it for the first time, is no move: what the provider modified well
        before the last good sweep was asked about then, and CloudTrail's past is read at the start anyway."""
        self._changed(kind)
        state = self._ledger.coverage.states(self._scope).get(self._watch.source)
        looked = state.at if state else None
        since = (looked or self._now()) - LATELY
        told = looked is not None and (not provider_at or None in provider_at)
        if not told and all((at or 0) < since for at in provider_at):
            return
        for subject in MOVES.get(kind, ()):
            self._ledger.coverage.remember(self._scope, f"moved.{subject}", str(self._now()))
