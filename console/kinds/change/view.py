"""Changes as rows: what changed is the second question of every incident."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from console.clock import Millis
from console.kinds.base import Sign, Verdict
from console.kinds.change.record import LATE, Change, named, read_until

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
    """`UpdateEndpoint risk-v8`, `asked for 9 instances`, with the error code where AWS refused."""
    said = f"asked for {change.asked}" if change.asked else f"{change.event} {change.target}".strip()
    return f"{said}: refused, {_REFUSALS.get(change.error, change.error)}" if change.error else said


_REFUSALS = {"ResourceLimitExceeded": "the quota is used up"}


def views(snapshot: Snapshot, names: Sequence[str] | None = None) -> list[ChangeView]:
    found = []
    decode = msgspec.json.Decoder(Change).decode
    known: dict[str, dict[str, str]] = {}
    for fact in snapshot.heads("change", names):
        change = decode(fact.body)
        if (subject := _subject(change, snapshot, known)) != change.subject:
            change = msgspec.structs.replace(change, subject=subject)
        # A call that AWS refused last week needs nobody: it is marked in its words, not by its sign.
        found.append(ChangeView(change, fact.observed_at, Verdict(Sign.OK, words(change), since=change.at)))
    return found


def _subject(change: Change, snapshot: Snapshot, known: dict[str, dict[str, str]]) -> str:
    """The name of what was changed. A caller may give an ARN, where names are lower-cased (facts section 7.2): the
    ledger knows how it is written. `known`: names by kind and lower-cased name, filled as needed."""
    subject = named(change.subject)
    if change.kind == "execution" or not subject.islower():
        return subject
    if change.kind not in known:
        names = [fact.name for fact in snapshot.heads(change.kind)]
        known[change.kind] = {n.lower(): n for n in names} | {n: n for n in names}
    return known[change.kind].get(subject, subject)


def complete_until(snapshot: Snapshot) -> Millis:
    """Up to when every deployment call is surely known: CloudTrail was asked later than its longest delay."""
    coverage, scope = snapshot.ledger.coverage, snapshot.scope
    asked = int(coverage.recall(scope, read_until("UpdateEndpoint")) or 0)
    if snapshot.at is not None:
        # What was learnt since belongs to no moment of the past.
        state = snapshot.states().get("changes")
        asked = min(asked, state.at if state and state.at else 0)
    return max(0, min(asked, snapshot.moment) - LATE)


def last_resize(changes: Iterable[Change], until: Millis | None) -> Change | None:
    """The last call to an endpoint by then, if that one was about its capacity or weights."""
    calls = (change for change in changes if not change.error and (until is None or change.at <= until))
    last = max(calls, key=lambda change: change.at, default=None)
    return last if last is not None and last.event == "UpdateEndpointWeightsAndCapacities" else None


def order(view: ChangeView) -> int:
    return -view.change.at
