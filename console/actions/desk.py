"""The desk an action works at: one verb's reads and writes, the ledger, and who is asking."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from console.actions.verb import Verb
from console.clients.aws import Cloud
from console.clients.identity import Identity
from console.clock import Millis, now_ms
from console.errors import LedgerError
from console.ledger.snapshot import Snapshot
from console.ledger.store import Ledger
from console.settings import Context


class ActionDesk:
    """What `console.actions.verb.Desk` asks for, on a real account and a real ledger."""

    def __init__(
        self,
        verb: Verb,
        context: Context,
        cloud: Cloud,
        identity: Identity,
        ledger: Ledger,
        *,
        now: Callable[[], Millis] = now_ms,
    ) -> None:
        self.verb, self._context, self._cloud = verb, context, cloud
        self._identity, self.ledger, self._now = identity, ledger, now

    @property
    def scope(self) -> str:
        return self._identity.scope

    @property
    def context(self) -> str:
        return self._context.name

    @property
    def identity(self) -> str:
        return self._identity.arn

    @property
    def frozen(self) -> str:
        freeze = self._context.frozen_at(self._now())
        return f"frozen: {freeze.reason}" if freeze else ""

    def reader(self, service: str) -> Any:
        return self._cloud.client(service, self.verb.reads, urgent=True)

    def writer(self, service: str) -> Any:
        return self._cloud.client(service, self.verb.writes, write=True)

    def now(self) -> Millis:
        return self._now()

    def saw(self, kind: str, name: str, record: msgspec.Struct, *, provider_at: Millis | None = None) -> None:
        with contextlib.suppress(LedgerError):
            body = msgspec.json.encode(record)
            self.ledger.observe(self.scope, kind, [(name, body, provider_at)], at=self.now())

    def gone(self, kind: str, names: Sequence[str]) -> None:
        with contextlib.suppress(LedgerError):
            self.ledger.tombstone(self.scope, kind, names, at=self.now())

    def snapshot(self) -> Snapshot:
        return Snapshot(self.ledger, self.scope, None, self.now())
