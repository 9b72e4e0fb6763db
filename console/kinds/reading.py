"""From facts to records: the ledger keeps bodies encoded, kinds know their types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import msgspec

from console.clock import Millis

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot
    from console.ledger.store import Fact

Record = TypeVar("Record", bound=msgspec.Struct)


def decode(snapshot: Snapshot, kind: str, type: type[Record], names: Sequence[str] | None = None) -> Iterator[Record]:
    """The newest record of each subject as of the snapshot's moment."""
    decoder = msgspec.json.Decoder(type)
    for body in snapshot.bodies(kind, names):
        yield decoder.decode(body)


def history(
    snapshot: Snapshot, kind: str, names: Sequence[str] | None, *, since: Millis | None = None
) -> Iterator[Fact]:
    """Facts of all subjects or of those named, oldest first within a subject; tombstones left out."""
    if names is None:
        facts = snapshot.history(kind, since=since)
    else:
        facts = [fact for name in names for fact in snapshot.history(kind, name, since=since)]
    return (fact for fact in facts if not fact.deleted)
