"""Changes as rows: what changed is the second question of every incident."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from console.clock import Millis
from console.kinds.base import Sign, Verdict
from console.kinds.change.record import LATE, Change, read_until

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot


class ChangeView(msgspec.Struct, frozen=True):
    change: Change
    observed_at: Millis
    verdict: Verdict

    @property
    def name(self) -> str:
        return self.change.id

    @property
    def sign(self) -> Sign:
        return self.verdict.sign

    def to_json(self) -> dict[str, Any]:
        return self.change.to_json()


def words(change: Change) -> str:
    """`UpdateEndpoint risk-v8`, with the error code where AWS refused."""
    said = f"{change.event} {change.target}".strip()
    return f"{said}: refused, {change.error}" if change.error else said


def views(snapshot: Snapshot, names: Sequence[str] | None = None) -> list[ChangeView]:
    found = []
    decode = msgspec.json.Decoder(Change).decode
    for fact in snapshot.heads("change", names):
        change = decode(fact.body)
        # A call that AWS refused last week needs nobody: it is marked in its words, not by its sign.
        found.append(ChangeView(change, fact.observed_at, Verdict(Sign.OK, words(change), since=change.at)))
    return found


def complete_until(snapshot: Snapshot) -> Millis:
    """Up to when every deployment call is surely known: CloudTrail was asked later than its longest delay."""
    coverage, scope = snapshot.ledger.coverage, snapshot.scope
    asked = int(coverage.recall(scope, read_until("UpdateEndpoint")) or 0)
    if snapshot.at is not None:
        # What was learnt since belongs to no moment of the past.
        state = snapshot.states().get("changes")
        asked = min(asked, state.at if state and state.at else 0)
    return max(0, min(asked, snapshot.moment) - LATE)


def order(view: ChangeView) -> int:
    return -view.change.at
