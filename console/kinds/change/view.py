"""Changes as rows: what changed is the second question of every incident."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from console.clock import Millis
from console.kinds.base import Sign, Verdict
from console.kinds.change.record import Change

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
        sign = Sign.WARNING if change.error else Sign.OK
        found.append(ChangeView(change, fact.observed_at, Verdict(sign, words(change), since=change.at)))
    return found


def order(view: ChangeView) -> int:
    return -view.change.at
