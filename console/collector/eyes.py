"""What a watch sees with: scoped clients, and facts kept in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from console.clients.aws import Cloud
from console.clock import Millis
from console.kinds.base import Watch
from console.ledger.interest import Interest
from console.ledger.store import Ledger

BATCH = 200
"""Facts in one transaction: a first sweep of thousands is some dozens of commits, a calm one is a single one."""

MOVES = {"endpoint": ("endpoint",), "execution": ("pipeline", "execution")}
"""Kinds whose change makes CloudTrail worth asking, and the kinds of subject to ask about."""


class ScopedEyes:
    """`console.kinds.base.Eyes` for one watch. Used by one thread; `flush` at the end of the sweep."""

    def __init__(
        self,
        watch: Watch,
        cloud: Cloud,
        ledger: Ledger,
        scope: str,
        *,
        now: Callable[[], Millis],
        interest: Callable[[], Interest],
    ) -> None:
        self._watch, self._cloud, self._ledger, self._scope = watch, cloud, ledger, scope
        self._now, self._interest = now, interest
        self._pending: dict[str, list[tuple[str, bytes, Millis | None]]] = {}
        self._waiting = 0

    @property
    def scope(self) -> str:
        return self._scope

    def client(self, service: str) -> Any:
        return self._cloud.client(service, self._watch.operations)

    def now(self) -> Millis:
        return self._now()

    def spare(self, operation: str) -> bool:
        return self._cloud.budget.spare(operation)

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
        self._pending.setdefault(kind, []).append((name, msgspec.json.encode(record), provider_at))
        self._waiting += 1
        if self._waiting >= BATCH:
            self.flush()

    def gone(self, kind: str, names: Iterable[str]) -> None:
        self.flush()
        wanted = list(names)
        if wanted:
            self._ledger.tombstone(self._scope, kind, wanted, at=self._now())

    def fill(self, since: Millis) -> None:
        self._ledger.coverage.fill(self._scope, self._watch.source, since, self._now())

    def recall(self, key: str) -> str:
        return self._ledger.coverage.recall(self._scope, key)

    def remember(self, key: str, value: str) -> None:
        self._ledger.coverage.remember(self._scope, key, value)

    def flush(self) -> None:
        """Write what was seen. Subjects that changed wake the watch that asks CloudTrail who did it."""
        pending, self._pending, self._waiting = self._pending, {}, 0
        for kind, items in pending.items():
            if self._ledger.observe(self._scope, kind, items, at=self._now()):
                for subject in MOVES.get(kind, ()):
                    self.remember(f"moved.{subject}", str(self._now()))
