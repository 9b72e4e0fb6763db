"""What a command works with: settings, the ledger, the scope, and (only if it must) AWS."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from console.clients.identity import Identity, remember, remembered
from console.clock import SECOND, Millis, now_ms
from console.errors import LedgerError, NotPermitted, Refused
from console.ledger.snapshot import Snapshot
from console.ledger.store import Ledger
from console.settings import Context, Settings

if TYPE_CHECKING:
    from console.actions.desk import ActionDesk
    from console.actions.verb import Verb
    from console.clients.aws import Cloud
    from console.collector.collector import Collector
    from console.kinds.base import Kind

FRESH_MS = 60 * SECOND
"""Facts younger than this are served as they are."""

Say = Callable[[str], None]


class Session:
    """One context of one command. Opens and calls nothing before it is asked to."""

    def __init__(self, settings: Settings, context: Context, say: Say) -> None:
        self.settings, self.context, self.say = settings, context, say

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

        def count(usage: Usage) -> None:
            both = {name: (n, usage.throttles.get(name, 0)) for name, n in usage.calls.items()}
            with contextlib.suppress(LedgerError):
                self.ledger.coverage.count_calls(self.scope, usage.at, both)

        return Cloud.of(self.settings, self.context, budget=Budget(on_minute=count))

    @cached_property
    def identity(self) -> Identity:
        """Who we are by STS; remembered for the next start. Raises CredentialsError."""
        from console.clients.identity import who

        found = who(self.cloud)
        remember(self.settings.make_state_dir(), self.context, found)
        return found

    @cached_property
    def scope(self) -> str:
        """The scope, from memory where there is one: a read from a warm ledger makes no call."""
        known = remembered(self.settings.make_state_dir(), self.context)
        return known.scope if known else self.identity.scope

    @property
    def unconfirmed(self) -> Identity | None:
        return remembered(self.settings.make_state_dir(), self.context)

    def snapshot(self, at: Millis | None = None) -> Snapshot:
        return Snapshot(self.ledger, self.scope, at, now_ms())

    def desk(self, verb: Verb) -> ActionDesk:
        """For acting: the identity is asked for, never remembered. Raises Refused in a read-only context."""
        from console.actions.desk import ActionDesk

        if self.context.read_only and verb.writes:
            raise Refused(f"context {self.context.name} is read-only", advice="choose another with --ctx")
        return ActionDesk(verb, self.context, self.cloud, self.identity, self.ledger)

    def collector(self, kinds: tuple[Kind, ...]) -> Collector:
        from console.collector.collector import Collector

        return Collector(self.ledger, self.cloud, self.identity.scope, kinds)

    def age(self, kind: Kind) -> Millis | None:
        """How old the last good sweep of the kind's own source is; None if there was none."""
        state = self.ledger.coverage.states(self.scope).get(kind.sources[0])
        return now_ms() - state.at if state and state.at else None

    def freshen(self, kind: Kind, *, force: bool = False) -> None:
        """Facts of this kind younger than a minute: the live collector's, or collected here under its lock.

        A source that cannot be read is said on stderr; what the ledger has is served with its age.
        """
        import time

        from console.ledger.locks import collector_lock

        age = self.age(kind)
        if not force and age is not None and age <= FRESH_MS:
            return
        asked = now_ms()
        deadline = asked + 45 * SECOND
        while now_ms() < deadline:
            with self.ledger.locks.hold(collector_lock(self.scope), "collect in the foreground") as held:
                if held is not None:
                    self.say(f"collecting {kind.plural} of {self.context.name} …")
                    for error in self.collector((kind,)).once(kind):
                        if isinstance(error, NotPermitted) or error.exit_code != 5:
                            self.say(f"{error.message} {error.advice}".strip())
                        else:
                            raise error
                    return
            self.ledger.interest.tell(self.scope, {}, at=now_ms(), fresh=[kind.id])
            time.sleep(0.2)
            age = self.age(kind)
            if age is not None and now_ms() - age >= asked:
                self.ledger.interest.withdraw(self.scope)
                return
            state = self.ledger.coverage.states(self.scope).get(kind.sources[0])
            if state and not state.ok and state.error:
                self.ledger.interest.withdraw(self.scope)
                self.say(f"{kind.plural}: {state.error}")
                return
        self.say(f"the collector does not answer; {kind.plural} are as old as the ledger has them")

    def child_env(self) -> dict[str, str]:
        """The environment for our own processes: the same context and the same ledger, whatever flags chose them."""
        chosen = {
            "LASTGOOD_STATE_DIR": str(self.settings.state_dir),
            "LASTGOOD_LEDGER": str(self.settings.ledger),
            "LASTGOOD_CONTEXT": self.context.name,
        }
        return {**os.environ, **chosen}

    def sources(self, kind: Kind, at: Millis | None = None) -> dict[str, Any]:
        """The `sources` of the JSON envelope."""
        moment = at or now_ms()
        states = self.ledger.coverage.states(self.scope, at)
        return {
            source: {
                "ok": state.ok,
                "age_s": round((moment - state.at) / 1000, 1) if state.at else None,
                "error": state.error or None,
            }
            for source, state in states.items()
            if source in kind.sources
        }


def sessions(settings: Settings, say: Say) -> list[Session]:
    return [Session(settings, context, say) for context in settings.selected]
