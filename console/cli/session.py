"""What a command works with: settings, the ledger, the scope, and (only if it must) AWS."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from console.clients.identity import Identity, remember, remembered
from console.clock import Millis, now_ms
from console.errors import LastgoodError, LedgerError, Refused
from console.ledger.snapshot import Snapshot
from console.ledger.store import Ledger
from console.settings import Context, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from console.actions.desk import ActionDesk
    from console.actions.verb import Verb
    from console.clients.aws import Cloud
    from console.collector.collector import Collector
    from console.kinds.base import Kind

Say = Callable[[str], None]

READ_ONLY = "by its read_only, LASTGOOD_READ_ONLY or --read-only; choose another with --ctx"


class Session:
    """One context of one command. Opens and calls nothing before it is asked to."""

    def __init__(self, settings: Settings, context: Context, say: Say) -> None:
        self.settings, self.context, self.say = settings, context, say
        self.failed: dict[str, LastgoodError] = {}
        """Sources that could not be read for this command, or `context` if nothing of it could."""
        self._patient = False

    @cached_property
    def ledger(self) -> Ledger:
        self.settings.make_state_dir()
        ledger = Ledger.open(self.settings.ledger)
        for note in ledger.notes:
            self.say(note)
        return ledger

    @cached_property
    def cloud(self) -> Cloud:
        from console.clients.aws import Cloud
        from console.clients.budget import Budget, Usage
        from console.clients.patience import Patience

        def count(usage: Usage) -> None:
            both = {name: (n, usage.throttles.get(name, 0)) for name, n in usage.calls.items()}
            with contextlib.suppress(LedgerError):
                self.ledger.coverage.count_calls(self.scope, usage.at, both)

        patience = None if self._patient else Patience(self.settings.timeout_s)
        return Cloud.of(self.settings, self.context, budget=Budget(on_minute=count), patience=patience)

    def endure(self) -> None:
        """For what goes on until it is ended (the collector, an action): no timeout for the whole of it."""
        self._patient = True
        if "cloud" in self.__dict__:
            self.cloud.patience = None

    def renew(self) -> None:
        """Be patient anew: for commands that look again and again."""
        if "cloud" in self.__dict__ and self.cloud.patience:
            self.cloud.patience.renew()

    @cached_property
    def identity(self) -> Identity:
        """Who we are by STS; remembered for the next start. Raises CredentialsError, Unreachable."""
        found = self._who()
        if "scope" in self.__dict__ and found.scope != self.scope:
            self.say(f"context {self.context.name} signs in to account {found.account} now")
            self.scope = found.scope
        return found

    def _who(self) -> Identity:
        from console.clients.identity import who

        found = who(self.cloud)
        remember(self.settings.make_state_dir(), self.context, found)
        return found

    @cached_property
    def scope(self) -> str:
        """The scope, from memory where there is one: a read from a warm ledger makes no call."""
        known = self.unconfirmed
        return known.scope if known else self.identity.scope

    @property
    def unconfirmed(self) -> Identity | None:
        return remembered(self.settings.make_state_dir(), self.context)

    def snapshot(self, at: Millis | None = None) -> Snapshot:
        return Snapshot(self.ledger, self.scope, at, now_ms())

    def desk(self, verb: Verb, *, dry_run: bool = False) -> ActionDesk:
        """For acting: the identity is asked for, never remembered.

        Raises Refused in a read-only context, except for a dry run: a plan only reads.
        """
        from console.actions.desk import ActionDesk

        if self.context.read_only and verb.writes and not dry_run:
            raise Refused(f"context {self.context.name} is read-only", advice=READ_ONLY)
        return ActionDesk(verb, self.context, self.cloud, self.identity, self.ledger)

    def collector(self, kinds: Iterable[Kind], *, pace: float = 1.0) -> Collector:
        from console.collector.collector import Collector

        def confirm() -> str:
            return self._who().scope

        dollars = self.settings.metrics_dollars_per_hour
        scope = self.identity.scope
        return Collector(self.ledger, self.cloud, scope, kinds, confirm=confirm, pace=pace, dollars_per_hour=dollars)

    def freshen(self, kind: Kind, *, force: bool = False, about: str = "") -> None:
        """See that the facts of this kind, or all `about` one of it, are younger than a minute; see cli.freshness."""
        from console.cli.freshness import freshen

        freshen(self, kind, force=force, about=about)

    def close(self) -> None:
        """Hand over what was counted. The ledger stays open: closing it makes a mere reader wait for the disk."""
        if "cloud" in self.__dict__:
            with contextlib.suppress(LastgoodError):
                self.cloud.budget.flush()
            if self.cloud.patience:
                self.cloud.patience.close()

    def child_env(self) -> dict[str, str]:
        """The environment for our own processes: the same context and the same ledger, whatever flags chose them."""
        chosen = {
            "LASTGOOD_STATE_DIR": str(self.settings.state_dir),
            "LASTGOOD_LEDGER": str(self.settings.ledger),
            "LASTGOOD_CONTEXT": self.context.name,
        }
        return {**os.environ, **chosen}

    def sources(self, kind: Kind, at: Millis | None = None) -> dict[str, Any]:
        """The `sources` of the JSON envelope: those of the kind, whether or not anything was ever read from them."""
        moment = at or now_ms()
        states = self.ledger.coverage.states(self.scope, at)
        told = {}
        for source in kind.sources:
            state, failed = states.get(source), self.failed.get(source)
            age_s = _age_s(moment - state.at) if state and state.at else None
            error = failed.message if failed else (state.error or None if state else None)
            told[source] = {"ok": bool(state and state.ok and not failed), "age_s": age_s, "error": error}
        return told


SKEW_MS = 5_000
"""Coverage that is this far in the future was written before the clock was set back: its age is not known."""


def _age_s(ms: int) -> float | None:
    return None if ms < -SKEW_MS else max(0, ms) // 100 / 10


def sessions(settings: Settings, say: Say) -> list[Session]:
    """One for each context that was asked for; with several, their notes say which one they are about."""
    chosen = settings.selected
    if len(chosen) == 1:
        return [Session(settings, chosen[0], say)]

    def named(context: Context) -> Say:
        return lambda line: say(f"{context.name}: {line}")

    return [Session(settings, context, named(context)) for context in chosen]
