"""What the screens read: the ledger of one context, and how old and whose it is. Keeps a collector alive meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from console.actions.launch import context_flags
from console.clients.identity import Identity, remembered
from console.clock import MINUTE, SECOND, Millis, age_step, now_ms
from console.collector.beat import BEAT, BEAT_S, SILENT
from console.collector.supervisor import Supervisor
from console.errors import LastgoodError
from console.fleet.header import HeaderInfo, Unread
from console.fleet.health import cost_of_watching
from console.kinds.base import Kind
from console.kinds.registry import KINDS, kind_of
from console.ledger.snapshot import Snapshot
from console.ledger.store import Ledger
from console.settings import Context, Settings
from console.text import shorten

TELL_S = 10.0
"""How often interest is repeated; it expires after 30 s."""

STALE_MS = 90 * SECOND
DEAD_MS = round(4 * BEAT_S * SECOND)
"""A collector that has not beaten for so long is none."""
CONFIRMED_MS = 5 * MINUTE
"""An identity that STS confirmed so shortly before the start is not painted as unconfirmed."""

PLAIN = {
    "EndpointConnectionError": "unreachable",
    "ConnectTimeoutError": "unreachable",
    "ConnectionClosedError": "unreachable",
    "ProxyConnectionError": "proxy unreachable",
    "ReadTimeoutError": "does not answer",
    "NoCredentialsError": "no credentials",
    "PartialCredentialsError": "no credentials",
    "CredentialRetrievalError": "no credentials",
    "SSOTokenLoadError": "not logged in",
    "UnauthorizedSSOTokenError": "login expired",
}
"""What the SDK's own classes mean to whoever reads a header; the provider's codes are said as they are."""

OURS = {"LastgoodError", "SourceError", "LedgerError", "TimedOut"}
"""Names of our classes, which say nothing to whoever reads a header: the message does."""


class LedgerFeed:
    """`screens.feed.Feed` over one ledger and context. `collect` False only reads (a collector runs elsewhere)."""

    def __init__(
        self, settings: Settings, context: Context, scope: str, child_env: Mapping[str, str], *, collect: bool = True
    ) -> None:
        self.settings, self.context, self.scope = settings, context, scope
        self.child_env = dict(child_env)
        self.ledger = Ledger.open(settings.ledger)
        self._interest: dict[str, set[str]] = {}
        self._told_at = 0.0
        self._began = now_ms()
        self._seen: tuple[int, ...] = ()
        self._version = -1
        self._lock = threading.Lock()
        log = settings.state_dir / "collector.log"
        flags, env = context_flags(context), self.child_env
        self._supervisor = Supervisor(self.ledger.locks, scope, flags=flags, env=env, log=log) if collect else None
        if self._supervisor:
            self._supervisor.start()

    @property
    def kinds(self) -> Sequence[Kind]:
        return KINDS

    @property
    def contexts(self) -> Sequence[str]:
        return tuple(self.settings.contexts)

    def now(self) -> Millis:
        return now_ms()

    def snapshot(self) -> Snapshot:
        return Snapshot(self.ledger, self.scope, None, self.now())

    def header(self, now: Millis) -> HeaderInfo:
        identity = remembered(self.settings.state_dir, self.context, self.child_env)
        freshness, fresh = self._freshness(now)
        calls, _ = self.ledger.coverage.calls_per_minute(self.scope, now)
        cost = cost_of_watching(self.ledger, self.scope, self.settings)
        account = self.scope.split("/")[1] if self.scope.count("/") > 1 else ""
        return HeaderInfo(
            context=self.context.name,
            account=account,
            region=self.scope.split("@")[0].split("/")[-1],
            guarded=self.context.guarded,
            read_only=self.context.read_only or self.settings.read_only,
            identity=identity.user if identity else "",
            # What STS said to an earlier console may have changed: nothing is written before it says so again.
            identity_note=""
            if identity and (identity.confirmed_at or 0) >= self._began - CONFIRMED_MS
            else "unconfirmed",
            expires_at=identity.expires_at if identity else None,
            freshness=freshness,
            fresh=fresh,
            calls_per_min=calls,
            dollars_per_hour=dollars if (dollars := cost.dollars(now)) >= 0.005 else None,
        )

    def _freshness(self, now: Millis) -> tuple[str, str]:
        """One word for the whole screen: the worst of its sources, in the provider's words where one fails."""
        states = self.ledger.coverage.states(self.scope)
        beat = states.pop(BEAT, None)
        identity = self.identity()
        if identity is not None and identity.scope != self.scope:
            return f"credentials are of {identity.account} now", "warn"
        if beat is not None and not beat.ok:
            return f"collector: {PLAIN.get(beat.code, beat.code or 'failing')}", "warn"
        silent = bool(self.ledger.coverage.recall(self.scope, SILENT))
        if not states:
            return ("AWS does not answer", "warn") if silent else ("waiting for the first look", "moving")
        failing = [(name, state) for name, state in states.items() if not state.ok]
        if failing:
            name, state = failing[0]
            age = age_step(now - state.at) if state.at else ""
            whose = "AWS" if len(failing) == len(states) > 1 else f"{name}:"
            said = PLAIN.get(state.code) or (state.code if state.code not in OURS else shorten(state.error, 40))
            said = said or "failing"
            return f"{whose} {said}{f', data {age} old' if age else ''}", "warn"
        oldest = min((state.at for state in states.values() if state.at), default=0)
        age = age_step(now - oldest)
        if silent:
            return f"AWS does not answer{f', data {age} old' if age else ''}", "warn"
        if now - oldest > STALE_MS:
            return f"data {age} old", "warn"
        if beat is None or not beat.at or now - beat.at > DEAD_MS:
            return "no collector", "warn"
        return "live", "ok"

    def identity(self) -> Identity | None:
        return remembered(self.settings.state_dir, self.context, self.child_env)

    def views(self, kind_id: str) -> list[Any]:
        kind = kind_of(kind_id)
        return sorted(kind.views(self.snapshot(), None), key=kind.order)

    def view(self, kind_id: str, name: str) -> Any | None:
        """One view with all that its own screen draws; None if there is no such thing (any more)."""
        found = kind_of(kind_id).views(self.snapshot(), [name])
        return found[0] if found else None

    def unread(self, kind_id: str) -> Unread | None:
        """Why the source that lists them was never read; None where it was."""
        states = self.ledger.coverage.states(self.scope)
        state = states.get(kind_of(kind_id).sources[0])
        if state is not None and state.at is not None:
            return None
        failed = next((s for s in (state, states.get(BEAT)) if s is not None and not s.ok), None)
        if failed is None:
            silent = self.ledger.coverage.recall(self.scope, SILENT)
            return Unread("AWS does not answer", "lastgood doctor tells why") if silent else Unread()
        from console.clients.translating import DENIED  # five milliseconds of a start that hardly ever needs it

        advice = (
            "lastgood iam --role reader prints the policy" if failed.code in DENIED else "lastgood doctor tells why"
        )
        return Unread(failed.error, advice)

    def names(self, kind_id: str) -> Sequence[str]:
        return [fact.name for fact in self.ledger.heads(self.scope, kind_id)]

    def changed(self) -> bool:
        """Cheap: SQLite's data_version first, and only if somebody wrote, whether a fact, step or sample is new."""
        self._retell()
        version = self.ledger.data_version()
        if version == self._version:
            return False
        self._version = version
        measured = [self.ledger.samples.last_at(self.scope, kind) for kind in ("pulse", "activities")]
        newest = (self.ledger.last_seq(), self.ledger.journal.last_seq(), *measured)
        if newest == self._seen:
            return False
        self._seen = newest
        return True

    def interest(self, kind_id: str, names: Iterable[str]) -> None:
        with self._lock:
            self._interest[kind_id] = set(names)
            self._told_at = 0.0
        self._retell()

    def _retell(self) -> None:
        if time.monotonic() - self._told_at < TELL_S:
            return
        self._told_at = time.monotonic()
        try:
            with self._lock:
                self.ledger.interest.tell(self.scope, self._interest, at=now_ms())
        except LastgoodError:
            pass  # a full disk: what is on screen is looked at at the usual pace

    def close(self) -> None:
        if self._supervisor:
            self._supervisor.stop()
        self.ledger.interest.withdraw(self.scope)
        self.ledger.close()
