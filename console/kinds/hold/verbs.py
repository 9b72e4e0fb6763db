"""Hold is a verb of every kind that others act on."""

from __future__ import annotations

from console.actions.model import Level
from console.actions.verb import Deed, Option, Verb


def hold_verb(kind: str) -> Verb:
    """The hold verb of one kind."""

    def deed() -> Deed:
        from console.kinds.hold.hold import Holding

        return Holding(kind)

    return Verb(
        id="hold",
        kind=kind,
        key="H",
        label="Hold",
        effect="ask everybody who shares this ledger to keep their hands off it, or release it",
        level=Level.NOTE,
        writes=(),
        reads=(),
        deed=deed,
        options=(Option("release", "release the hold", "flag"),),
    )
