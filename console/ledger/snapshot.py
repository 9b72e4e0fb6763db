"""The ledger of one scope as of one moment: what kinds make their views from."""

from __future__ import annotations

from collections.abc import Sequence

from console.clock import Millis
from console.ledger.coverage import SourceState
from console.ledger.store import Fact, Ledger


class Snapshot:
    """`at` None is live. Everything it answers is cut at `at`; bodies stay encoded."""

    __slots__ = ("at", "ledger", "now", "scope")

    def __init__(self, ledger: Ledger, scope: str, at: Millis | None, now: Millis) -> None:
        self.ledger, self.scope, self.at, self.now = ledger, scope, at, now

    @property
    def moment(self) -> Millis:
        """The moment it shows: ages and verdicts are told from here."""
        return self.now if self.at is None else self.at

    def heads(self, kind: str, names: Sequence[str] | None = None) -> list[Fact]:
        """The newest fact of each subject by then, ordered by name."""
        if self.at is None:
            return self.ledger.heads(self.scope, kind, names)
        return self.ledger.as_of(self.scope, kind, self.at, names)

    def bodies(self, kind: str, names: Sequence[str] | None = None) -> list[bytes]:
        """The bodies of `heads` alone: live, and of all subjects, at half the cost."""
        if self.at is None and names is None:
            return self.ledger.bodies(self.scope, kind)
        return [fact.body for fact in self.heads(kind, names)]

    def head(self, kind: str, name: str) -> Fact | None:
        facts = self.heads(kind, (name,))
        return facts[0] if facts else None

    def history(
        self,
        kind: str,
        name: str | None = None,
        *,
        prefix: str = "",
        since: Millis | None = None,
        until: Millis | None = None,
        limit: int | None = None,
    ) -> list[Fact]:
        """As `Ledger.history`, of what was known by then."""
        if self.at is not None:
            until = self.at if until is None else min(until, self.at)
        return self.ledger.history(self.scope, kind, name, prefix=prefix, since=since, until=until, limit=limit)

    def covered(self, source: str) -> bool:
        """Whether the source was being watched at that moment; if not, what it shows is only the last known."""
        return self.ledger.coverage.covered(self.scope, source, self.moment)

    def since(self, source: str) -> Millis | None:
        return self.ledger.coverage.since(self.scope, source)

    def states(self) -> dict[str, SourceState]:
        return self.ledger.coverage.states(self.scope, self.at)
