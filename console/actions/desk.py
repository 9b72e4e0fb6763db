"""The desk an action works at: one verb's reads and writes, the ledger, and who is asking."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from console.actions.verb import Verb
from console.clients import profiles
from console.clients.aws import Cloud
from console.clients.identity import Identity, who
from console.clock import Millis, now_ms
from console.errors import LedgerError, Refused
from console.ledger.snapshot import Snapshot
from console.ledger.store import Ledger
from console.settings import Context


class ActionDesk:
    """What `console.actions.verb.Desk` asks for, on a real account and a real ledger.

    `identity` is whom STS named for the reading credentials. With an `act_profile` the plan names that profile's role
    without assuming it; `confirm`, called after consent, assumes it and asks STS.
    """

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
        self._acting: Identity | None = None

    @property
    def scope(self) -> str:
        return self._identity.scope

    @property
    def context(self) -> str:
        return self._context.name

    @property
    def identity(self) -> str:
        if self._acting is not None:
            return self._acting.arn
        if self.verb.writes and (profile := self._context.act_profile):
            return profiles.role_arn(profile) or f"profile {profile}"
        return self._identity.arn

    @property
    def acting_ends(self) -> Millis | None:
        return self._cloud.ends_at(write=True) if self.verb.writes else None

    def confirm(self) -> None:
        if not self.verb.writes:
            return
        # Who reads was asked just now; after hours in a queue the same profile may lead to somebody else.
        known = self._acting is None and not self._context.act_profile
        acting = self._identity if known else who(self._cloud, write=True)
        if not acting.confirmed:
            raise Refused("STS has not confirmed who would act", advice="lastgood doctor says what keeps it")
        if (acting.partition, acting.account) != (self._identity.partition, self._identity.account):
            profile, account = self._context.act_profile, acting.account
            there = (
                f"profile {profile} acts in account {account}"
                if profile
                else f"the credentials are of account {account} now"
            )
            advice = "mend act_profile in config.toml" if profile else "sign in to the right one, then plan again"
            raise Refused(f"{there}, not {'in ' if profile else 'of '}{self._identity.account}", advice=advice)
        self._acting = acting

    @property
    def frozen(self) -> str:
        freeze = self._context.frozen_at(self._now())
        return f"frozen: {freeze.reason}" if freeze else ""

    def reader(self, service: str) -> Any:
        return self._cloud.client(service, self.verb.reads, urgent=True)

    def writer(self, service: str) -> Any:
        """Raises Refused before `confirm`: nothing is written as nobody."""
        if self._acting is None:
            raise Refused("STS has not confirmed who would act; nothing was sent")
        return self._cloud.client(service, self.verb.writes, write=True)

    def now(self) -> Millis:
        return self._now()

    @property
    def skew_ms(self) -> int:
        return self._cloud.skew_ms or 0

    def saw(self, kind: str, name: str, record: msgspec.Struct, *, provider_at: Millis | None = None) -> None:
        with contextlib.suppress(LedgerError):
            body = msgspec.json.encode(record)
            self.ledger.observe(self.scope, kind, [(name, body, provider_at)], at=self.now())

    def gone(self, kind: str, names: Sequence[str]) -> None:
        with contextlib.suppress(LedgerError):
            self.ledger.tombstone(self.scope, kind, names, at=self.now())

    def snapshot(self) -> Snapshot:
        return Snapshot(self.ledger, self.scope, None, self.now())
